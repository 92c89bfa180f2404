// The learning-rate schedules: the rate as a pure function of the iteration, counted from 0.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include <algorithm>
#include <cmath>

namespace {

using dlrun::Params;
using dlrun::Schedule;

// A field that the policy can't do without.
double required(const Params& solver, const char* field) {
  if (!solver.has(field)) {
    solver.fail("lr_policy", "lr_policy \"" + solver.get<std::string>("lr_policy") + "\" needs " +
                                 field + "; set it in the solver");
  }
  return solver.get<double>(field);
}

double base_rate(const Params& solver) {
  if (!solver.has("base_lr"))
    solver.fail("", "base_lr isn't set; give the learning rate, e.g. base_lr: 0.01");
  return solver.get<double>("base_lr");
}

// A required count of iterations, at least 1.
double iterations(const Params& solver, const char* field) {
  const double value = required(solver, field);
  if (value < 1) solver.fail(field, std::string(field) + " must be at least 1");
  return value;
}

// base_lr
class Fixed : public Schedule {
 public:
  explicit Fixed(const Params& solver) : base_(base_rate(solver)) {}
  double rate(int64_t) const override { return base_; }

 private:
  double base_;
};

// base_lr * gamma ^ floor(iteration / stepsize)
class Step : public Schedule {
 public:
  explicit Step(const Params& solver)
      : base_(base_rate(solver)),
        gamma_(required(solver, "gamma")),
        size_(static_cast<int64_t>(iterations(solver, "stepsize"))) {}
  double rate(int64_t iteration) const override {
    return base_ * std::pow(gamma_, static_cast<double>(iteration / size_));
  }

 private:
  double base_;
  double gamma_;
  int64_t size_;
};

// base_lr * gamma ^ iteration
class Exp : public Schedule {
 public:
  explicit Exp(const Params& solver)
      : base_(base_rate(solver)), gamma_(required(solver, "gamma")) {}
  double rate(int64_t iteration) const override {
    return base_ * std::pow(gamma_, static_cast<double>(iteration));
  }

 private:
  double base_;
  double gamma_;
};

// base_lr * (1 + gamma * iteration) ^ -power
class Inv : public Schedule {
 public:
  explicit Inv(const Params& solver)
      : base_(base_rate(solver)),
        gamma_(required(solver, "gamma")),
        power_(required(solver, "power")) {}
  double rate(int64_t iteration) const override {
    return base_ * std::pow(1 + gamma_ * static_cast<double>(iteration), -power_);
  }

 private:
  double base_;
  double gamma_;
  double power_;
};

// base_lr * gamma ^ (how many stepvalues the iteration has reached)
class Multistep : public Schedule {
 public:
  explicit Multistep(const Params& solver)
      : base_(base_rate(solver)),
        gamma_(required(solver, "gamma")),
        steps_(solver.all<int64_t>("stepvalue")) {
    if (steps_.empty())
      solver.fail("lr_policy", "lr_policy \"multistep\" needs at least one stepvalue");
    if (!std::is_sorted(steps_.begin(), steps_.end())) {
      solver.fail("stepvalue", "the stepvalues must not decrease; sort them");
    }
  }
  double rate(int64_t iteration) const override {
    const auto reached = std::upper_bound(steps_.begin(), steps_.end(), iteration) - steps_.begin();
    return base_ * std::pow(gamma_, static_cast<double>(reached));
  }

 private:
  double base_;
  double gamma_;
  std::vector<int64_t> steps_;
};

// base_lr * (1 - iteration / max_iter) ^ power, 0 behind max_iter
class Poly : public Schedule {
 public:
  explicit Poly(const Params& solver)
      : base_(base_rate(solver)),
        power_(required(solver, "power")),
        last_(iterations(solver, "max_iter")) {}
  double rate(int64_t iteration) const override {
    return base_ * std::pow(std::max(0.0, 1 - static_cast<double>(iteration) / last_), power_);
  }

 private:
  double base_;
  double power_;
  double last_;
};

// base_lr / (1 + exp(-gamma * (iteration - stepsize)))
class Sigmoid : public Schedule {
 public:
  explicit Sigmoid(const Params& solver)
      : base_(base_rate(solver)),
        gamma_(required(solver, "gamma")),
        middle_(required(solver, "stepsize")) {}
  double rate(int64_t iteration) const override {
    return base_ / (1 + std::exp(-gamma_ * (static_cast<double>(iteration) - middle_)));
  }

 private:
  double base_;
  double gamma_;
  double middle_;
};

constexpr dlr_schedule_type kFixed = dlrun::schedule_type<Fixed>();
constexpr dlr_schedule_type kStep = dlrun::schedule_type<Step>();
constexpr dlr_schedule_type kExp = dlrun::schedule_type<Exp>();
constexpr dlr_schedule_type kInv = dlrun::schedule_type<Inv>();
constexpr dlr_schedule_type kMultistep = dlrun::schedule_type<Multistep>();
constexpr dlr_schedule_type kPoly = dlrun::schedule_type<Poly>();
constexpr dlr_schedule_type kSigmoid = dlrun::schedule_type<Sigmoid>();

}  // namespace

DLR_PLUGIN(
    "org.dlrun.schedules", "0.1.0", "", DLR_PROVIDE("dlrun.schedule/1", "fixed", "base_lr", kFixed),
    DLR_PROVIDE("dlrun.schedule/1", "step", "times gamma every stepsize iterations", kStep),
    DLR_PROVIDE("dlrun.schedule/1", "exp", "times gamma every iteration", kExp),
    DLR_PROVIDE("dlrun.schedule/1", "inv", "base_lr * (1 + gamma * iteration) ^ -power", kInv),
    DLR_PROVIDE("dlrun.schedule/1", "multistep", "times gamma at each stepvalue", kMultistep),
    DLR_PROVIDE("dlrun.schedule/1", "poly", "base_lr * (1 - iteration / max_iter) ^ power", kPoly),
    DLR_PROVIDE("dlrun.schedule/1", "sigmoid",
                "base_lr / (1 + exp(-gamma * (iteration - stepsize)))", kSigmoid));
