#include "core/conform/device/step_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/conform/device/operator_reference.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

// Ties among few values, a distance from zero; in steps that float32 holds exactly.
void shape_first(const OperatorCase& operator_case, Values& values) {
  constexpr double kStep = 1.0 / 1024;
  constexpr double kCoarse = 1.0 / 2;
  if (operator_case.offset == 0 && !operator_case.has_ties) return;
  const double step = operator_case.has_ties ? kCoarse : kStep;
  for (double& value : values)
    value = std::round(value / step) * step + operator_case.offset;
}

std::vector<Values> first_values(const OperatorCase& operator_case, uint64_t stream) {
  std::vector<Values> values;
  for (std::size_t i = 0; i < operator_case.tensors.size(); ++i) {
    values.push_back(
        spread_values(static_cast<std::size_t>(operator_case.tensors[i].count()), stream + i));
    if (i == 0) shape_first(operator_case, values.back());
    const auto& positive = operator_case.positive;
    if (std::count(positive.begin(), positive.end(), static_cast<int>(i)) == 0) continue;
    for (double& value : values.back())
      value = 0.5 + std::abs(value);
  }
  return values;
}

}  // namespace

StepRun::StepRun(RawDevice& device, const OperatorCase& operator_case, std::size_t step,
                 uint32_t dtype, bool accumulate)
    : device_(device), case_(operator_case), step_(operator_case.steps[step]) {
  if (step > 0 && step_.integer("pair", -1) >= 0)
    forward_ = std::make_unique<OperatorRun>(device, case_, case_.steps[0], dtype);
  run_ = std::make_unique<OperatorRun>(device, case_, step_, dtype, accumulate);
  allocate();
}

void StepRun::allocate() {
  run_->allocate();
  if (forward_) forward_->allocate();
  const uint64_t bytes = std::max(run_->reserve_bytes(), forward_ ? forward_->reserve_bytes() : 0);
  if (bytes == 0) return;
  reserve_ = allocate_poisoned(device_, bytes);
  reserves_.push_back(reserve_);
}

StepRun::~StepRun() {
  code_of(device_.type().synchronize(device_.handle(), nullptr));
  for (const dlr_mem& reserve : reserves_)
    device_.release(reserve);
}

void StepRun::compute(uint64_t stream, unsigned char workspace) {
  prepare(stream, workspace);
  finish(workspace);
}

void StepRun::prepare(uint64_t stream, unsigned char workspace) {
  values_ = first_values(case_, stream);
  for (const OperatorStep& each : case_.steps) {
    if (&each == &step_) break;
    compute_reference(case_, each, values_);
  }
  if (forward_) forward_->run(values_, reserve_, workspace);
}

void StepRun::finish(unsigned char workspace) {
  const std::vector<Values>& values = values_;
  run_->run(values, reserve_, workspace);
  std::vector<Values> after = values;
  compute_reference(case_, step_, after);
  expected_.clear();
  found_.clear();
  for (const int output : step_.outputs) {
    const auto tensor = static_cast<std::size_t>(step_.args[static_cast<std::size_t>(output)]);
    expected_.push_back(after[tensor]);
    if (run_->adds() && !step_.adds) {
      for (std::size_t i = 0; i < values[tensor].size(); ++i)
        expected_.back()[i] += values[tensor][i];
    }
    found_.push_back(run_->found(output));
  }
}

void StepRun::require_written() const {
  for (std::size_t i = 0; i < found_.size(); ++i) {
    const auto unwritten = std::find_if(found_[i].begin(), found_[i].end(),
                                        [](double value) { return std::isnan(value); });
    if (unwritten == found_[i].end()) continue;
    fail(fmt::format("output {}: element {} of {} still holds NaN", i,
                     unwritten - found_[i].begin(), found_[i].size()),
         "a number in every element");
  }
}

void StepRun::require_right(uint32_t dtype) const {
  for (std::size_t i = 0; i < found_.size(); ++i)
    require_close(found_[i], expected_[i], dtype == DLR_F64 ? 1e-11 : 1e-4,
                  dtype == DLR_F64 ? 1e-12 : 1e-6, fmt::format("output {}", i));
}

void StepRun::require_within() {
  run_->require_within_workspace();
  if (forward_) forward_->require_within_workspace();
  if (reserve_.bytes > 0) require_canary(device_, reserve_, reserve_.bytes, "the reserve");
}

void StepRun::require_own_workspace(uint64_t stream, uint32_t dtype) {
  if (!run_->has_workspace() || is_right(dtype)) return;
  compute(stream, 0);
  const bool needs_zeros = is_right(dtype);
  compute(stream);
  if (needs_zeros)
    fail("right with zeros in the workspace, wrong with NaN", "the same whatever lies there");
}

bool StepRun::is_right(uint32_t dtype) const {
  try {
    require_right(dtype);
    return true;
  } catch (const Failure&) {
    return false;
  }
}

}  // namespace dlrun::conform
