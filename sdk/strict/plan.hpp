// Operators: loads its operands into plain order, computes by simple loops, stores the results in the
// layouts that it chose.
#pragma once

#include "layout.hpp"
#include "memory.hpp"

#include <memory>

namespace dlrun::strict {

class Plan {
 public:
  virtual ~Plan() = default;
  // `args`, then the workspace, then the reserve.
  virtual void run(const std::vector<Span>& spans) const = 0;
};

// How an operand is used, and the axis to cut into blocks.
struct Use {
  int axis;
  bool is_output = false;
};

// A plan with a plain copy of every operand in its workspace, and scratch behind them.
class LoadedPlan : public Plan {
 public:
  LoadedPlan(const OpView& op, const std::vector<Use>& uses, int64_t scratch, bool may_block);
  void run(const std::vector<Span>& spans) const final;

 protected:
  // `args`: plain copies, null when absent; outputs hold garbage.
  virtual void compute(float* const* args, float* scratch, const Span& reserve) const = 0;

 private:
  std::vector<Use> uses_;
  std::vector<Operand> operands_;
  std::vector<int64_t> begins_;  // in the workspace; -1: absent
  int64_t scratch_begin_ = 0;
};

// Fills in the description's outputs, or throws Declined.
std::unique_ptr<Plan> make_plan(const OpView& op, bool may_block);

std::unique_ptr<Plan> plan_gemm(const OpView& op);
std::unique_ptr<Plan> plan_inner_product(const OpView& op, bool may_block);
std::unique_ptr<Plan> plan_convolution(const OpView& op, bool may_block);
std::unique_ptr<Plan> plan_pooling(const OpView& op, bool may_block);

}  // namespace dlrun::strict
