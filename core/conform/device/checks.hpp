// Checks of a device that don't stand beside the part that runs them. Those without a runner throw
// Failure when their rule is broken.
#pragma once

#include <dlrun/abi.h>

#include <string>
#include <vector>

#include "core/conform/device/operator_case.hpp"
#include "core/conform/raw_device.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {

void check_copies(const dlr_device_type& type);         // D3
void check_zero(const dlr_device_type& type);           // D4
void check_beyond_memory(const dlr_device_type& type);  // D9
void check_any_order(const dlr_device_type& type);      // D10
void check_two_at_once(const dlr_device_type& type);    // D11

// O8: descriptions like that of the step, each with one thing wrong.
void check_malformed(RawDevice& device, const OperatorCase& operator_case,
                     const OperatorStep& step);

// O7: the step's description, and in it what a device can't know.
void check_unknown_attribute(RawDevice& device, const OperatorCase& operator_case,
                             const OperatorStep& step);
void check_further_argument(RawDevice& device, const OperatorCase& operator_case,
                            const OperatorStep& step);
void check_unknown_type(RawDevice& device, const OperatorCase& operator_case,
                        const OperatorStep& step);

// The rung of private layouts, rules Y: those that plans chose, and those of the large `cases`.
void check_layouts(RawDevice& device, const std::vector<dlr_tensor_desc>& layouts,
                   const std::vector<OperatorCase>& cases, const std::string& name, Runner& runner);

}  // namespace dlrun::conform
