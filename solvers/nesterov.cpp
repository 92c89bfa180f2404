// Nesterov: accelerated gradient (kernel and formula in nesterov.kernel.h). One history tensor.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include "nesterov.kernel.h.inc"

namespace {

using dlrun::read;
using dlrun::read_write;

class Nesterov : public dlrun::Solver {
 public:
  explicit Nesterov(const dlrun::Params& solver) : momentum_(solver.get<double>("momentum")) {}

  int n_history() const override { return 1; }

  void update(dlrun::UpdateContext& context) override {
    context.launch_elementwise(kernels::nesterov_update, read(context.gradient()),
                               read_write(context.history(0)), read_write(context.param()),
                               momentum_, context.rate());
  }

 private:
  double momentum_;
};

const dlr_kernel* const kKernels[] = {&kernels::nesterov_update};
const dlr_solver_type kNesterov = dlrun::solver_type<Nesterov>(kKernels, 1);

}  // namespace

DLR_PLUGIN("org.dlrun.nesterov", "0.1.0", "",
           DLR_PROVIDE("dlrun.solver/1", "Nesterov", "Nesterov's accelerated gradient", kNesterov));
