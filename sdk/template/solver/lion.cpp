// Lion: steps of one size, in the direction of the sign of a mean of the gradients (formula in lion.kernel.h). One
// history tensor: the mean.
//
// Source: Chen and others, "Symbolic Discovery of Optimization Algorithms", 2023.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include "lion.kernel.h.inc"
#include "lion.proto.inc"

namespace {

using dlrun::read;
using dlrun::read_write;

class Lion final : public dlrun::Solver {
 public:
  explicit Lion(const dlrun::Params& solver) {
    const dlrun::Params params = solver.message("lion_param");
    beta1_ = share(params, "beta1");
    beta2_ = share(params, "beta2");
    decay_ = params.get<double>("decay");
  }

  int n_history() const override { return 1; }

  void update(dlrun::UpdateContext& context) override {
    context.launch_elementwise(kernels::lion_update, read(context.gradient()), read_write(context.history(0)),
                               read_write(context.param()), beta1_, beta2_, decay_, context.rate());
  }

 private:
  static double share(const dlrun::Params& params, const char* field) {
    const auto value = params.get<double>(field);
    if (value < 0 || value >= 1) params.fail(field, std::string(field) + " must be at least 0 and below 1");
    return value;
  }

  double beta1_ = 0;
  double beta2_ = 0;
  double decay_ = 0;
};

const dlr_kernel* const kKernels[] = {&kernels::lion_update};
const dlr_solver_type kType = dlrun::solver_type<Lion>(kKernels, 1);

}  // namespace

DLR_PLUGIN("com.example.lion", "1.0.0", lion_proto,
           DLR_PROVIDE("dlrun.solver/1", "Lion", "steps in the direction of a mean gradient's sign", kType));
