// Which operators there are, and what all have in common.
#include "plan.hpp"

namespace dlrun::strict {
namespace {

constexpr int64_t kFloat = sizeof(float);

class Reorder final : public LoadedPlan {
 public:
  explicit Reorder(const OpView& op) : LoadedPlan(op, {{0}, {0, true}}, 0, false), count_(op.shape(0).count()) {
    if (op.shape(1).count() != count_) throw Declined("strict converts between layouts of one tensor");
  }

 private:
  void compute(float* const* args, float*, const Span&) const override { std::copy_n(args[0], count_, args[1]); }
  int64_t count_;
};

bool begins_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

}  // namespace

LoadedPlan::LoadedPlan(const OpView& op, const std::vector<Use>& uses, int64_t scratch, bool may_block) : uses_(uses) {
  if (op.n_args() != static_cast<int>(uses.size())) {
    throw Error(std::string(op.op()) + " takes " + std::to_string(uses.size()) + " arguments, found " +
                std::to_string(op.n_args()));
  }
  int64_t end = 0;
  for (int i = 0; i < op.n_args(); ++i) {
    operands_.emplace_back(op, i, uses[static_cast<size_t>(i)].axis, may_block);
    begins_.push_back(op.has_arg(i) ? end : -1);
    end += operands_.back().count();
  }
  scratch_begin_ = end;
  op.desc().workspace_bytes = static_cast<uint64_t>((end + scratch) * kFloat);
}

void LoadedPlan::run(const std::vector<Span>& spans) const {
  auto* workspace = spans[operands_.size()].as<float>();
  std::vector<float*> args;
  for (size_t i = 0; i < operands_.size(); ++i) {
    args.push_back(begins_[i] < 0 ? nullptr : workspace + begins_[i]);
    if (args[i] != nullptr && !uses_[i].is_output) operands_[i].load(spans[i].as<const float>(), args[i]);
  }
  compute(args.data(), workspace + scratch_begin_, spans[operands_.size() + 1]);
  for (size_t i = 0; i < operands_.size(); ++i) {
    if (args[i] != nullptr && uses_[i].is_output) operands_[i].store(args[i], spans[i].as<float>());
  }
}

std::unique_ptr<Plan> make_plan(const OpView& op, bool may_block) {
  dlr_op_desc& desc = op.desc();
  if (desc.n_post_ops > 0) throw Declined("strict fuses nothing behind an operator");
  if (desc.accumulate != 0) throw Declined("strict adds into no output");
  desc.accumulate_accepted = 0;
  desc.workspace_bytes = 0;
  desc.reserve_bytes = 0;
  if (op.op() == "gemm") return plan_gemm(op);
  if (op.op() == "reorder") return std::make_unique<Reorder>(op);
  if (begins_with(op.op(), "inner_product_")) return plan_inner_product(op, may_block);
  if (begins_with(op.op(), "convolution_") || op.op() == "deconvolution_forward")
    return plan_convolution(op, may_block);
  if (begins_with(op.op(), "pooling_")) return plan_pooling(op, may_block);
  throw Declined("strict has no operator '" + std::string(op.op()) + "'");
}

}  // namespace dlrun::strict
