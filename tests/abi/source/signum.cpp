// Signum: steps of one size against the sign of the gradient's running mean. One history tensor.
// Source: Bernstein et al., "signSGD: compressed optimisation for non-convex problems", 2018.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include "signum.kernel.h.inc"

namespace {

class Signum : public dlrun::Solver {
 public:
  explicit Signum(const dlrun::Params& solver) : momentum_(solver.get<double>("momentum")) {}

  int n_history() const override { return 1; }

  void update(dlrun::UpdateContext& context) override {
    context.launch_elementwise(kernels::signum_update, dlrun::read(context.gradient()),
                               dlrun::read_write(context.history(0)),
                               dlrun::read_write(context.param()), momentum_, context.rate());
  }

 private:
  double momentum_;
};

const dlr_kernel* const kKernels[] = {&kernels::signum_update};
const dlr_solver_type kSignum = dlrun::solver_type<Signum>(kKernels, 1);

}  // namespace

DLR_PLUGIN("com.example.signum", "1.0.0", "",
           DLR_PROVIDE("dlrun.solver/1", "Signum", "steps against the gradient's sign", kSignum));
