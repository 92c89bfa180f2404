// SGD: stochastic gradient descent with momentum (kernel and formula in sgd.kernel.h). One history
// tensor.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include "sgd.kernel.h.inc"

namespace {

using dlrun::read;
using dlrun::read_write;

class Sgd : public dlrun::Solver {
 public:
  explicit Sgd(const dlrun::Params& solver) : momentum_(solver.get<double>("momentum")) {}

  int n_history() const override { return 1; }

  void update(dlrun::UpdateContext& context) override {
    context.launch_elementwise(kernels::sgd_update, read(context.gradient()),
                               read_write(context.history(0)), read_write(context.param()),
                               momentum_, context.rate());
  }

 private:
  double momentum_;
};

const dlr_kernel* const kKernels[] = {&kernels::sgd_update};
const dlr_solver_type kSgd = dlrun::solver_type<Sgd>(kKernels, 1);

}  // namespace

DLR_PLUGIN("org.dlrun.sgd", "0.1.0", "",
           DLR_PROVIDE("dlrun.solver/1", "SGD", "stochastic gradient descent with momentum", kSgd));
