// Adam: steps scaled by running means of the gradient and of its square (kernel and formula in
// adam.kernel.h). Two history tensors: the mean, then the mean square.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include <cmath>

#include "adam.kernel.h.inc"

namespace {

using dlrun::read;
using dlrun::read_write;

class Adam : public dlrun::Solver {
 public:
  explicit Adam(const dlrun::Params& solver)
      : beta1_(decay(solver, "momentum")),
        beta2_(decay(solver, "momentum2")),
        delta_(solver.get<double>("delta")) {
    if (delta_ < 0) solver.fail("delta", "delta is negative; give 0 or more");
  }

  int n_history() const override { return 2; }

  void update(dlrun::UpdateContext& context) override {
    // The running means start at zero; the correction makes up for it in the first steps.
    const double t = static_cast<double>(context.iteration() + 1);
    const double correction = std::sqrt(1 - std::pow(beta2_, t)) / (1 - std::pow(beta1_, t));
    context.launch_elementwise(kernels::adam_update, read(context.gradient()),
                               read_write(context.history(0)), read_write(context.history(1)),
                               read_write(context.param()), beta1_, beta2_, delta_,
                               context.rate() * correction);
  }

 private:
  static double decay(const dlrun::Params& solver, const char* field) {
    const double value = solver.get<double>(field);
    if (value < 0 || value >= 1)
      solver.fail(field, std::string(field) + " must be at least 0 and below 1");
    return value;
  }

  double beta1_;
  double beta2_;
  double delta_;
};

const dlr_kernel* const kKernels[] = {&kernels::adam_update};
const dlr_solver_type kAdam = dlrun::solver_type<Adam>(kKernels, 1);

}  // namespace

DLR_PLUGIN("org.dlrun.adam", "0.1.0", "",
           DLR_PROVIDE("dlrun.solver/1", "Adam",
                       "steps scaled by running means of gradient and square", kAdam));
