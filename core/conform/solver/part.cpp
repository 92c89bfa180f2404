// Rules S: solvers.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "core/base/error.hpp"
#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/handed.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/solver/subject.hpp"
#include "core/conform/two_threads.hpp"

namespace dlrun::conform {
namespace {

constexpr int64_t kIterations = SolverSubject::kIterations;
const Shape kShape = {5, 3, 7};
const std::vector<Shape> kTwoShapes = {kShape, {4}};
const Shape kLarge = {100003};  // more than one launch, block or thread may take on

void check_recorded(const Ground& ground, const SolverCase& c) {
  if (c.updates.empty()) decline("no recorded updates of it; --cases can give some");
  constexpr double kTolerance = 1e-12;
  SolverSubject subject(ground, c, DLR_F64);
  const auto updated = subject.make({static_cast<int64_t>(c.start.size())}, 0);
  updated->param.set(c.start);
  for (std::size_t i = 0; i < c.updates.size(); ++i) {
    const RecordedUpdate& update = c.updates[i];
    if (updated->history.size() != update.history.size())
      fail(fmt::format("{} history tensors", updated->history.size()),
           fmt::format("{}", update.history.size()));
    subject.update(*updated, update.gradient, static_cast<int64_t>(i), update.rate);
    const std::string when = fmt::format("behind iteration {}, ", i);
    require_close(updated->param.values(), update.param, kTolerance, kTolerance,
                  when + "the parameter");
    for (std::size_t h = 0; h < update.history.size(); ++h)
      require_close(updated->history[h]->values(), update.history[h], kTolerance, kTolerance,
                    fmt::format("{}history {}", when, h));
  }
}

// Some updates, watched.
void watch(const Ground& ground, const SolverCase& c,
           const std::function<void(const dlr_solver_type&, const Handed&)>& use) {
  Handed handed;
  SolverSubject subject(ground, c, DLR_F32);
  subject.train(kShape);
  use(subject.type(), handed);
}

void check_kernel_list(const Ground& ground, const SolverCase& c) {
  watch(ground, c, [](const dlr_solver_type& type, const Handed& handed) {
    handed.require_listed(type.kernels, type.n_kernels);
  });
}

void check_reserved(const Ground& ground, const SolverCase& c) {
  watch(ground, c,
        [](const dlr_solver_type&, const Handed& handed) { handed.require_nothing_reserved(); });
}

void check_n_history(const Ground& ground, const SolverCase& c) {
  constexpr uint32_t kMost = 64;
  SolverSubject subject(ground, c, DLR_F32);
  const uint32_t n = subject.n_history();
  if (n > kMost) fail(fmt::format("{} history tensors", n), fmt::format("at most {}", kMost));
  subject.train(kShape);
  const uint32_t later = subject.n_history();
  const uint32_t other = SolverSubject(ground, c, DLR_F64).n_history();
  if (later != n || other != n)
    fail(fmt::format("{}, behind updates {}, of another instance {}", n, later, other),
         "the same number each time");
}

void check_writes(const Ground& ground, const SolverCase& c) {
  for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
    SolverSubject subject(ground, c, dtype);
    const auto other = subject.make(kShape, 1);
    const std::vector<Values> before = other->state();
    const auto updated = subject.make(kShape, 0);
    for (int64_t iteration = 0; iteration < kIterations; ++iteration)
      subject.update(*updated, 0, iteration);
    require_same_bits(other->state(), before, "of a parameter that isn't updated, tensor");
    updated->param.require_margin("the parameter");
    updated->gradient.require_margin("the gradient");
    for (std::size_t i = 0; i < updated->history.size(); ++i)
      updated->history[i]->require_margin(fmt::format("history {}", i));
  }
}

using Params = std::vector<std::unique_ptr<Updated>>;

// Parameters of kTwoShapes.
Params make_two(SolverSubject& subject) {
  Params made;
  for (std::size_t p = 0; p < kTwoShapes.size(); ++p)
    made.push_back(subject.make(kTwoShapes[p], p));
  return made;
}

// In turn, as in training, each at a rate of its own.
void update_in_turn(SolverSubject& subject, const Params& params, int64_t begin, int64_t end) {
  for (int64_t iteration = begin; iteration < end; ++iteration) {
    for (std::size_t p = 0; p < params.size(); ++p)
      subject.update(*params[p], p, iteration);
  }
}

// What a solver works out once for an iteration may not be another parameter's.
void check_beside_another(const Ground& ground, const SolverCase& c, uint32_t dtype) {
  SolverSubject subject(ground, c, dtype);
  const Params params = make_two(subject);
  update_in_turn(subject, params, 0, kIterations);
  for (std::size_t p = 0; p < params.size(); ++p)
    require_same_bits(params[p]->state(), SolverSubject(ground, c, dtype).train(kTwoShapes[p], p),
                      fmt::format("updated in turn with another, parameter {}, tensor", p));
}

void check_repeats(const Ground& ground, const SolverCase& c) {
  for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
    SolverSubject subject(ground, c, dtype);
    const std::vector<Values> first = subject.train(kShape);
    SolverSubject another(ground, c, dtype);
    require_same_bits(another.train(kShape), first, "by another instance, tensor");
    require_same_bits(subject.train(kShape), first, "once more, tensor");
    check_beside_another(ground, c, dtype);
  }
}

// Two parameters; the second half also by a new instance, with nothing but the tensors of the
// first.
void check_resumes(const Ground& ground, const SolverCase& c) {
  SolverSubject first(ground, c, DLR_F32);
  const Params whole = make_two(first);
  update_in_turn(first, whole, 0, kIterations);
  SolverSubject next(ground, c, DLR_F32);
  const Params resumed = make_two(next);
  for (std::size_t p = 0; p < whole.size(); ++p)
    resumed[p]->set_state(whole[p]->state());
  update_in_turn(first, whole, kIterations, 2 * kIterations);
  update_in_turn(next, resumed, kIterations, 2 * kIterations);
  for (std::size_t p = 0; p < whole.size(); ++p)
    require_same_bits(resumed[p]->state(), whole[p]->state(),
                      fmt::format("gone on with from its history, parameter {}, tensor", p));
}

void check_float32(const Ground& ground, const SolverCase& c) {
  constexpr double kRelative = 1e-4;
  constexpr double kAbsolute = 1e-5;
  SolverSubject narrow(ground, c, DLR_F32);
  SolverSubject wide(ground, c, DLR_F64);
  for (const Shape& shape : {kShape, kLarge}) {
    const std::vector<Values> found = narrow.train(shape);
    const std::vector<Values> expected = wide.train(shape);
    for (std::size_t i = 0; i < expected.size(); ++i)
      require_close(found.at(i), expected[i], kRelative, kAbsolute,
                    fmt::format("of shape {}, tensor {}", shape.text(), i));
  }
}

// Values that repeat do so behind updates: a part of a large parameter that isn't updated, or is
// otherwise, shows, though nothing is known about the numbers. Nothing shows of a rule that goes by
// an element's place.
void check_alike(const Ground& ground, const SolverCase& c) {
  constexpr double kTolerance = 1e-9;
  constexpr std::size_t kPeriod = SolverSubject::kPeriod;
  const Values found = SolverSubject(ground, c, DLR_F64).train(kLarge).at(0);
  Values expected = found;
  for (std::size_t i = kPeriod; i < expected.size(); ++i)
    expected[i] = expected[i - kPeriod];
  const auto is_alike = [&](std::size_t i) {
    return std::abs(found[i] - expected[i]) <= kTolerance;
  };
  for (std::size_t i = kPeriod; i < 2 * kPeriod; ++i) {
    if (!is_alike(i)) return;
  }
  require_close(found, expected, kTolerance, kTolerance,
                fmt::format("shape [{}], values that repeat each {}", kLarge.text(), kPeriod));
}

void check_all_shapes(const Ground& ground, const SolverCase& c) {
  for (const Shape& shape : {Shape({}),
                             {1},
                             {0},
                             {3, 0, 2},
                             {17, 1},
                             {1, 1, 1, 1},
                             {2, 3, 1, 2, 3},
                             {1, 2, 1, 2, 1, 2, 1, 2},
                             {4099}}) {
    SolverSubject subject(ground, c, DLR_F32);
    std::vector<Values> found;
    try {
      found = subject.train(shape);
    } catch (const base::Error& error) {
      fail(fmt::format("shape [{}]: {}", shape.text(), error.what()), "success");
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      for (const double value : found[i]) {
        if (!std::isfinite(value))
          fail(fmt::format("shape [{}]: tensor {} holds {}", shape.text(), i, value),
               "finite numbers");
      }
    }
  }
  check_alike(ground, c);
}

void check_leaks(const Ground& ground, const SolverCase& c) {
  require_no_leak([&] {
    SolverSubject subject(ground, c, DLR_F32);
    subject.train(kShape);
  });
}

void check_errors(const Ground& ground, const SolverCase& c) {
  require_errors_returned([&] {
    SolverSubject subject(ground, c, DLR_F32);
    use([&] { subject.train(kShape); });
  });
}

void check_threads(const Ground& ground, const SolverCase& c) {
  const std::vector<Ground> grounds = {ground.for_another_thread(), ground.for_another_thread()};
  SolverSubject one(ground, c, DLR_F32);
  const std::vector<Values> expected = one.train(kShape);
  std::vector<Values> found;
  in_another_thread([&] { found = one.train(kShape); });
  require_same_bits(found, expected, "used in another thread, tensor");
  require_independent([&](int thread) {
    SolverSubject subject(grounds[static_cast<std::size_t>(thread)], c, DLR_F32);
    return to_text(subject.train(kShape, static_cast<uint64_t>(thread)));
  });
}

}  // namespace

void check_solver(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner) {
  std::vector<SolverCase> cases = solver_cases(texts, type);
  runner.rung("state");
  if (cases.empty())
    cases = fitting(default_solver_cases(type), "S2", type, runner,
                    [&](const SolverCase& c) { SolverSubject(ground, c, DLR_F32); });
  for (const SolverCase& c : cases) {
    const std::vector<Step> steps = {
        {"state", "S2", [&] { check_n_history(ground, c); }},
        {"library", "A5", [&] { check_reserved(ground, c); }},
        {"writes", "S9", [&] { check_kernel_list(ground, c); }},
        {"writes", "S3", [&] { check_writes(ground, c); }},
        {"shapes", "S7", [&] { check_all_shapes(ground, c); }},
        {"state", "S4", [&] { check_repeats(ground, c); }},
        {"state", "S5", [&] { check_resumes(ground, c); }},
        {"float32", "S6", [&] { check_float32(ground, c); }},
        {"numbers", "S1", [&] { check_recorded(ground, c); }},
        {"memory", "S8", [&] { check_leaks(ground, c); }},
        {"errors", "A12", [&] { check_errors(ground, c); }},
        {"threads", "A13", [&] { check_threads(ground, c); }},
    };
    runner.climb(c.text() + ground.label, steps);
  }
}

}  // namespace dlrun::conform
