// A step of an operator's case on a device, held against its formula.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/conform/device/operator_case.hpp"
#include "core/conform/device/operator_run.hpp"
#include "core/conform/raw_device.hpp"
#include "core/conform/values.hpp"

namespace dlrun::conform {

// Before the step, over the same reserve, runs the forward that it goes with.
class StepRun {
 public:
  StepRun(RawDevice& device, const OperatorCase& operator_case, std::size_t step, uint32_t dtype,
          bool accumulate);
  ~StepRun();
  StepRun(const StepRun&) = delete;
  StepRun& operator=(const StepRun&) = delete;

  OperatorRun& run() { return *run_; }

  // Runs on values of a random stream, and its formula on the same. The workspace holds NaN, or
  // what a byte says.
  void compute(uint64_t stream, unsigned char workspace = kPoison);
  // The same in two: the forward that it goes with, if there is one, then the step.
  void prepare(uint64_t stream, unsigned char workspace = kPoison);
  void finish(unsigned char workspace = kPoison);

  // Other memory for all that it works on.
  void allocate();

  // Of the last compute. Each throws Failure when it doesn't hold.
  void require_written() const;              // O3
  void require_right(uint32_t dtype) const;  // O1, O4
  void require_within();                     // O10
  // Right only with zeros in the workspace fails too.
  void require_own_workspace(uint64_t stream, uint32_t dtype);

  const std::vector<Values>& found() const { return found_; }

 private:
  bool is_right(uint32_t dtype) const;

  RawDevice& device_;
  const OperatorCase& case_;
  const OperatorStep& step_;
  std::unique_ptr<OperatorRun> forward_;
  std::unique_ptr<OperatorRun> run_;
  dlr_mem reserve_{};
  std::vector<dlr_mem> reserves_;  // that were allocated
  std::vector<Values> values_;     // of the case's tensors, before the step
  std::vector<Values> expected_;
  std::vector<Values> found_;
};

}  // namespace dlrun::conform
