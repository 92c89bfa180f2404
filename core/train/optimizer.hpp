// One step of training on a net's parameters: clip, normalise, regularise, update by the solver
// plugin.
#pragma once

#include <memory>
#include <vector>

#include <dlrun/abi.h>

#include "core/host/instance.hpp"
#include "core/host/params.hpp"
#include "core/model_io/host_blob.hpp"
#include "core/net/net.hpp"

namespace dlrun::train {

class Optimizer {
 public:
  // `solver` is the SolverParameter. The net must be prepared and outlive it.
  Optimizer(const config::Node& solver, net::Net& net, net::Catalogue& catalogue);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // The learning rate of an iteration, before multipliers.
  double rate(int64_t iteration) const;
  // Uses up the gradients that `iter_size` backward passes summed.
  void step(int64_t iteration);

  // Caffe's order: one round over the parameters for each history tensor of the solver.
  std::vector<model_io::HostBlob> history();
  // Throws base::Error that names `file` when number or shapes don't fit.
  void set_history(const std::vector<model_io::HostBlob>& history, const std::string& file);

 private:
  double gradient_norm();
  void regularize(net::Param& param, double scale);
  void update(size_t index, int64_t iteration, double rate);

  net::Net& net_;
  host::ParamsOwner params_owner_;
  const std::string subject_ = "solver: ";
  std::string solver_file_;
  host::Instance<dlr_solver_type> solver_;
  host::Instance<dlr_schedule_type> schedule_;
  dlr_context context_;
  int iter_size_;
  double clip_;
  double weight_decay_;
  bool decay_is_l1_;
  std::vector<std::vector<std::unique_ptr<dlr_tensor>>> history_;  // by parameter
  std::vector<std::vector<dlr_tensor*>> history_pointers_;
  std::unique_ptr<dlr_tensor> square_sums_;
};

}  // namespace dlrun::train
