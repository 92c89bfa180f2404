// The rungs of a layer: every rule over every case.
#include <fmt/format.h>

#include <algorithm>

#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/layer/checks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"

namespace dlrun::conform {
namespace {

void check_errors(const Ground& ground, const LayerCase& c) {
  require_errors_returned([&] {
    Subject subject(ground, c);
    use([&] { subject.forward(); });
    use([&] { subject.backward(); });
    use([&] { subject.layer().save_state(faulty_write, nullptr); });
  });
}

// The second thread has other inputs, so that what they share shows.
void check_threads(const Ground& ground, const LayerCase& c) {
  constexpr double kShift = 0.0625;
  if (Subject(ground, c).layer().facts.nondeterministic != 0)
    decline("the layer is declared nondeterministic");
  const std::vector<Ground> grounds = {ground.for_another_thread(), ground.for_another_thread()};
  std::vector<LayerCase> cases = {c, c};
  cases[1].offset += kShift;
  Subject one(ground, c);
  one.forward();
  one.backward();
  Subject moved(ground, c);
  in_another_thread([&] { moved.forward(); });
  in_another_thread([&] { moved.backward(); });
  require_same_bits(moved.outputs(), one.outputs(), "used in several threads in turn, top");
  require_same_bits(moved.gradients(), one.gradients(),
                    "used in several threads in turn, gradient");
  require_independent([&](int thread) {
    const auto i = static_cast<std::size_t>(thread);
    Subject subject(grounds[i], cases[i]);
    subject.forward();
    subject.backward();
    return to_text(subject.outputs()) + to_text(subject.gradients());
  });
}

// What a layer saves and keeps, how it takes errors and threads is checked with small cases: in the
// shapes of a net it takes long and tells nothing else.
bool depends_on_shapes(const std::string& rule) {
  return rule != "L13" && rule != "L14" && rule != "A12" && rule != "A13";
}

std::string text_of(const Ground& ground, const LayerCase& c) {
  return fmt::format("{}: {}{}", c.layer, c.name, ground.label);
}

// What needs neither a backward nor known numbers.
void check_in_test(const Ground& ground, const LayerCase& tested, Runner& runner) {
  runner.climb(text_of(ground, tested),
               {
                   {"facts", "L9", [&] { check_repeatable(ground, tested); }},
                   {"facts", "L3", [&] { check_written(ground, tested); }},
                   {"float32", "L12", [&] { check_float32(ground, tested); }},
               });
}

}  // namespace

void check_layer_case(const Ground& ground, const LayerCase& c, Runner& runner) {
  std::vector<Step> steps = {
      {"shapes", "L1", [&] { check_shapes(ground, c); }},
      {"library", "A5", [&] { check_reserved(ground, c); }},
      {"facts", "L15", [&] { check_kernel_list(ground, c); }},
      {"facts", "L9", [&] { check_repeatable(ground, c); }},
      {"facts", "L3", [&] { check_written(ground, c); }},
      {"facts", "L8", [&] { check_random(ground, c); }},
      {"facts", "L4", [&] { check_unneeded(ground, c); }},
      {"facts", "L5", [&] { check_sharing(ground, c); }},
      {"facts", "L6", [&] { check_per_sample(ground, c); }},
      {"facts", "L7", [&] { check_zero_to_zero(ground, c); }},
      {"facts", "L10", [&] { check_identity(ground, c); }},
      {"facts", "L11", [&] { check_elementwise(ground, c); }},
      {"gradients", "L2", [&] { check_gradients(ground, c); }},
      {"gradients", "L16", [&] { check_alone(ground, c); }},
      {"float32", "L12", [&] { check_float32(ground, c); }},
      {"state", "L13", [&] { check_state(ground, c); }},
      {"memory", "L14", [&] { check_layer_leaks(ground, c); }},
      {"errors", "A12", [&] { check_errors(ground, c); }},
      {"threads", "A13", [&] { check_threads(ground, c); }},
  };
  if (c.is_of_net)
    std::erase_if(steps, [](const Step& step) { return !depends_on_shapes(step.rule); });
  if (runner.climb(text_of(ground, c), steps)) check_in_test(ground, in_test(c), runner);
}

void check_layer(const Ground& ground, const std::vector<LayerCase>& cases, const std::string& only,
                 Runner& runner) {
  std::vector<LayerCase> own = cases_of_layer(cases, only);
  runner.rung("shapes");
  if (own.empty())
    own = fitting(default_cases(ground, only), "L1", only, runner,
                  [&](const LayerCase& each) { check_shapes(ground, each); });
  for (const LayerCase& each : own)
    check_layer_case(ground, each, runner);
}

}  // namespace dlrun::conform
