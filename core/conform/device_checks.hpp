// Checks of a device that don't stand beside the part that runs them. Each throws Failure when its
// rule is broken.
#pragma once

#include <dlrun/abi.h>

#include <string>

#include "core/conform/operator_case.hpp"
#include "core/conform/raw_device.hpp"

namespace dlrun::conform {

void check_beyond_memory(const dlr_device_type& type);  // D9
void check_any_order(const dlr_device_type& type);      // D10
void check_two_at_once(const dlr_device_type& type);    // D11

// O8: descriptions like that of the step, each with one thing wrong.
void check_malformed(RawDevice& device, const OperatorCase& operator_case,
                     const OperatorStep& step);

}  // namespace dlrun::conform
