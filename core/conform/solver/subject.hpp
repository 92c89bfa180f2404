// A solver of one case, and parameters for it to update.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/conform/ground.hpp"
#include "core/conform/solver/case.hpp"
#include "core/conform/solver/loose_tensor.hpp"
#include "core/host/instance.hpp"
#include "core/net/layer_node.hpp"

namespace dlrun::conform {

// One parameter with what belongs to it.
struct Updated {
  Updated(net::Executor& executor, const Shape& shape, uint32_t dtype, uint32_t n_history);
  // The parameter, then its history.
  std::vector<Values> state();
  void set_state(const std::vector<Values>& state);

  Shape shape;
  LooseTensor param;
  LooseTensor gradient;
  std::vector<std::unique_ptr<LooseTensor>> history;
};

class SolverSubject {
 public:
  SolverSubject(const Ground& ground, const SolverCase& solver_case, uint32_t dtype);

  const dlr_solver_type& type() { return *solver_.operator->(); }
  uint32_t n_history() { return solver_->n_history(solver_.self()); }
  // A parameter with values by its stream, and a history of zeros.
  std::unique_ptr<Updated> make(const Shape& shape, uint64_t stream);
  // What the first iterations make of one parameter: its state.
  static constexpr int64_t kIterations = 4;
  std::vector<Values> train(const Shape& shape, uint64_t stream = 0);
  // Values of large parameters and gradients repeat each kPeriod elements.
  static constexpr std::size_t kPeriod = 1009;
  // With that gradient, at a rate that falls, and is another for each stream.
  void update(Updated& updated, uint64_t stream, int64_t iteration);
  void update(Updated& updated, const Values& gradient, int64_t iteration, double rate);

 private:
  static Values some_values(std::size_t count, uint64_t stream);
  // By the parameter's stream and the iteration.
  static Values gradient_of(std::size_t count, uint64_t stream, int64_t iteration);

  net::Executor executor_;
  uint32_t dtype_;
  host::ParamsOwner params_owner_;
  host::Instance<dlr_solver_type> solver_;
  dlr_context context_;
};

}  // namespace dlrun::conform
