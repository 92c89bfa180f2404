// solver.hpp: the base class of solvers (update rules) and of learning-rate schedules.
#pragma once

#include <dlrun/layer.hpp>

namespace dlrun {

// One parameter's update: w and its gradient g (clipped, normalised and regularised), the solver's
// own history tensors of the same shape, and the rate (the schedule's times the parameter's
// lr_mult).
class UpdateContext : public RunContext {
 public:
  explicit UpdateContext(const dlr_update& update) : RunContext(update.context), update_(update) {}

  Tensor param() const { return Tensor(update_.param); }
  Tensor gradient() const { return Tensor(update_.gradient); }
  Tensor history(int index) const { return Tensor(update_.history[index]); }
  double rate() const { return update_.rate; }
  int64_t iteration() const { return update_.iteration; }

  // An elementwise kernel over the parameter's elements.
  template <class... Arguments>
  void launch_elementwise(const dlr_kernel& kernel, const Arguments&... arguments) {
    launch(kernel, param().count(), 1, arguments...);
  }

 private:
  const dlr_update& update_;
};

// A constructor `explicit YourSolver(const Params& solver)` reads the SolverParameter.
class Solver {
 public:
  virtual ~Solver() = default;
  virtual int n_history() const = 0;  // tensors kept per parameter, zero at first
  virtual void update(UpdateContext& context) = 0;
};

// The learning rate as a pure function of the iteration, counted from 0.
class Schedule {
 public:
  virtual ~Schedule() = default;
  virtual double rate(int64_t iteration) const = 0;
};

namespace detail {

template <class S>
struct SolverEntries {
  static dlr_error* create(const dlr_params* params, void** self) {
    return guard([&] { *self = static_cast<Solver*>(new S(Params(params))); });
  }
  static uint32_t n_history(void* self) { return static_cast<uint32_t>(static_cast<Solver*>(self)->n_history()); }
  static dlr_error* update(void* self, const dlr_update* update) {
    return guard([&] {
      UpdateContext context(*update);
      static_cast<Solver*>(self)->update(context);
    });
  }
  static void destroy(void* self) { delete static_cast<Solver*>(self); }
};

template <class S>
struct ScheduleEntries {
  static dlr_error* create(const dlr_params* params, void** self) {
    return guard([&] { *self = static_cast<Schedule*>(new S(Params(params))); });
  }
  static double rate(void* self, int64_t iteration) { return static_cast<Schedule*>(self)->rate(iteration); }
  static void destroy(void* self) { delete static_cast<Schedule*>(self); }
};

}  // namespace detail

template <class S>
constexpr dlr_solver_type solver_type(const dlr_kernel* const* kernels, uint64_t n_kernels) {
  using E = detail::SolverEntries<S>;
  return {sizeof(dlr_solver_type), kernels, n_kernels, E::create, E::n_history, E::update, E::destroy};
}

template <class S>
constexpr dlr_schedule_type schedule_type() {
  using E = detail::ScheduleEntries<S>;
  return {sizeof(dlr_schedule_type), E::create, E::rate, E::destroy};
}

}  // namespace dlrun
