// Rules L1, L2, L12, L13, L14: what a layer computes, and what it keeps.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/conform/layer/checks.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-6;  // of the larger of 1 and the gradient

using Shapes = std::vector<dlr_tensor_desc>;

// Of the tops of a new object, and when that is reshaped again.
std::pair<Shapes, Shapes> top_shapes(const Ground& ground, const LayerCase& c) {
  SubjectOptions options;
  options.with_devices = false;
  Subject subject(ground, c, options);
  const Shapes first = subject.layer().top_descs;
  subject.layer().reshape();
  return {first, subject.layer().top_descs};
}

// What the objective is a sum of: tops with arbitrary weights, losses with theirs.
Values objective_terms(Subject& subject) {
  subject.forward();
  Values terms;
  for (const int top : subject.stage().tops) {
    const Values weights = subject.weights_of(subject.value(top));
    if (weights.empty()) continue;
    const Values values = values_of(subject.net(), subject.value(top).data);
    for (std::size_t i = 0; i < values.size(); ++i)
      terms.push_back(weights[i] * values[i]);
  }
  return terms;
}

// The elements whose gradients are looked at: all of a small tensor, and of a large one some, its
// first and last among them.
std::vector<std::size_t> chosen_elements(std::size_t count) {
  constexpr std::size_t kSmall = 500;
  constexpr std::size_t kOfLarge = 6;
  std::vector<std::size_t> chosen(count <= kSmall ? count : kOfLarge);
  for (std::size_t i = 0; i < chosen.size(); ++i)
    chosen[i] = chosen.size() == count ? i : (count - 1) * i / (chosen.size() - 1);
  return chosen;
}

// `set` gives the tensor behind the gradient other values. Terms are subtracted before they are
// summed: in large tensors most are the same, and their sum would leave few digits.
template <class Set>
void check_gradient(Subject& subject, const Values& gradient, Values values,
                    const std::string& name, Set&& set) {
  const double step = values.size() > kMostSpread ? kStep / 10 : kStep;
  const auto terms_at = [&](std::size_t i, double value) {
    const double before = std::exchange(values[i], value);
    set(values);
    values[i] = before;
    return objective_terms(subject);
  };
  for (const std::size_t i : chosen_elements(values.size())) {
    const Values above = terms_at(i, values[i] + step);
    const Values below = terms_at(i, values[i] - step);
    double difference = 0;
    for (std::size_t k = 0; k < above.size(); ++k)
      difference += above[k] - below[k];
    const double expected = difference / (2 * step);
    const double allowed = kTolerance * (std::max(1.0, std::abs(expected)) + std::abs(expected));
    if (!(std::abs(gradient[i] - expected) <= allowed))
      fail(fmt::format("gradient of {}, element {}: {}", name, i, gradient[i]),
           fmt::format("{}", expected));
  }
  set(values);
}

}  // namespace

void check_shapes(const Ground& ground, const LayerCase& c) {
  const auto [first, reshaped] = top_shapes(ground, c);
  const Shapes other = top_shapes(ground, c).first;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (!memory::same_shape(first[i], reshaped[i]) || !memory::same_shape(first[i], other[i]))
      fail("another shape the second time", "the same each time");
    for (uint32_t axis = 0; axis < first[i].rank; ++axis) {
      if (first[i].dim[axis] < 0)
        fail(fmt::format("top {}, axis {}: {} elements", i, axis, first[i].dim[axis]), "0 or more");
    }
  }
}

void check_gradients(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  if (!subject.has_backward()) decline("the layer has no gradient");
  subject.forward();
  subject.backward();
  const std::vector<Values> gradients = subject.gradients();
  std::size_t next = 0;
  for (std::size_t i = 0; i < subject.inputs().size(); ++i) {
    if (!subject.value(static_cast<int>(i)).needs_gradient) continue;
    check_gradient(subject, gradients.at(next++), subject.inputs()[i], fmt::format("bottom {}", i),
                   [&](const Values& values) { subject.inputs()[i] = values; });
  }
  for (std::size_t i = 0; i < subject.net().params().size(); ++i) {
    net::Param& param = *subject.net().params()[i];
    if (!param.wants_gradient) continue;
    check_gradient(subject, gradients.at(next++), values_of(subject.net(), param.data),
                   fmt::format("parameter {}", i),
                   [&](const Values& values) { set_values(subject.net(), param.data, values); });
  }
}

void check_float32(const Ground& ground, const LayerCase& c) {
  constexpr double kRelative = 1e-4;
  constexpr double kAbsolute = 1e-5;
  SubjectOptions options;
  Subject wide(ground, c, options);
  options.dtype = DLR_F32;
  Subject narrow(ground, c, options);
  for (Subject* subject : {&wide, &narrow}) {
    subject->forward();
    subject->backward();
  }
  const auto compare = [&](const std::vector<Values>& found, const std::vector<Values>& expected,
                           const char* what) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      require_close(found.at(i), expected[i], kRelative, kAbsolute, fmt::format("{} {}", what, i));
  };
  compare(narrow.outputs(), wide.outputs(), "top");
  compare(narrow.gradients(), wide.gradients(), "gradient");
}

void check_state(const Ground& ground, const LayerCase& c) {
  Subject first(ground, c);
  first.forward();
  if (first.stage().is_view) decline("a view keeps nothing");
  const std::string state = first.layer().save_state();
  if (state.empty()) decline("the layer saves nothing");
  Subject second(ground, c);
  second.layer().load_state(state);
  if (second.layer().save_state() != state) fail("other bytes when saved again", "what was loaded");
  first.forward(8);
  second.forward(8);
  require_same_bits(second.outputs(), first.outputs(), "from the saved state, top");
}

void check_layer_leaks(const Ground& ground, const LayerCase& c) {
  require_no_leak([&] {
    Subject subject(ground, c);
    subject.forward();
    subject.backward();
  });
}

}  // namespace dlrun::conform
