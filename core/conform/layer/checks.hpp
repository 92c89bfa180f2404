// Checks of one case of a layer. Each throws Failure when its rule is broken, and Declined when it
// doesn't apply.
#pragma once

#include "core/conform/ground.hpp"
#include "core/conform/layer/case.hpp"
#include "core/conform/layer/subject.hpp"

namespace dlrun::conform {

void check_reserved(const Ground& ground, const LayerCase& c);     // A5
void check_kernel_list(const Ground& ground, const LayerCase& c);  // L15

// How often the plan shared a top's memory with a bottom's.
struct Sharing {
  int data = 0;
  int gradients = 0;
};

void check_shapes(const Ground& ground, const LayerCase& c);        // L1
void check_gradients(const Ground& ground, const LayerCase& c);     // L2
void check_written(const Ground& ground, const LayerCase& c);       // L3
void check_unneeded(const Ground& ground, const LayerCase& c);      // L4
Sharing check_sharing(const Ground& ground, const LayerCase& c);    // L5
void check_per_sample(const Ground& ground, const LayerCase& c);    // L6
void check_zero_to_zero(const Ground& ground, const LayerCase& c);  // L7
void check_random(const Ground& ground, const LayerCase& c);        // L8
void check_repeatable(const Ground& ground, const LayerCase& c);    // L9
void check_identity(const Ground& ground, const LayerCase& c);      // L10
void check_elementwise(const Ground& ground, const LayerCase& c);   // L11
void check_float32(const Ground& ground, const LayerCase& c);       // L12
void check_state(const Ground& ground, const LayerCase& c);         // L13
void check_layer_leaks(const Ground& ground, const LayerCase& c);   // L14
void check_alone(const Ground& ground, const LayerCase& c);         // L16

}  // namespace dlrun::conform
