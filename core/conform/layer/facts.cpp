// Rules L3 to L11: what a layer declares about itself holds.
#include <fmt/format.h>

#include <algorithm>

#include "core/conform/layer/checks.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

bool shares_nothing(Subject& subject) {
  return subject.stage().is_view || subject.stage().tops.empty();
}

// Elements of sample 0.
Values first_sample(Subject& subject, int value, const Values& values) {
  const dlr_tensor_desc& desc = subject.value(value).data.desc;
  const std::size_t samples =
      desc.rank == 0 ? 1 : static_cast<std::size_t>(std::max<int64_t>(desc.dim[0], 1));
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / samples)};
}

// Tops, and gradients of inputs and parameters.
void poison_outputs(Subject& subject) {
  if (!subject.stage().is_view) {
    for (const int top : subject.stage().tops)
      subject.poison(subject.value(top).data);
  }
  for (dlr_tensor* gradient : subject.gradient_tensors())
    subject.poison(*gradient);
}

// Half of all elements, in no order that a mistake might share.
bool is_changed(std::size_t element) {
  return ((element * 0x9E3779B97F4A7C15ull) >> 60 & 1) != 0;
}

}  // namespace

void check_written(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  subject.forward();
  subject.backward();
  const auto outputs = subject.outputs();
  const auto gradients = subject.gradients();
  poison_outputs(subject);
  subject.forward();
  subject.backward();
  require_same_bits(subject.outputs(), outputs, "over NaN, top");
  require_same_bits(subject.gradients(), gradients, "over NaN, gradient");
  // What is written the same both times may still be what lay there: numbers, or nothing at all.
  for (const auto& gradient : gradients) {
    if (std::any_of(gradient.begin(), gradient.end(), [](double value) { return value != value; }))
      fail("a gradient that is NaN", "numbers in every element");
  }
}

void check_unneeded(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  subject.forward();
  subject.backward();
  const auto expected = subject.gradients();
  subject.forward();
  const net::Stage& stage = subject.stage();
  if (stage.is_view) return;
  for (std::size_t i = 0; i < stage.bottoms.size(); ++i) {
    if (subject.layer().bottom_facts[i].data_needed_in_backward == 0)
      subject.poison(subject.value(stage.bottoms[i]).data);
  }
  for (std::size_t i = 0; i < stage.tops.size(); ++i) {
    if (subject.layer().top_facts[i].data_needed_in_backward == 0)
      subject.poison(subject.value(stage.tops[i]).data);
  }
  subject.backward();
  require_same_bits(subject.gradients(), expected, "unneeded data gone, gradient");
}

Sharing check_sharing(const Ground& ground, const LayerCase& c) {
  SubjectOptions options;
  options.inputs = Inputs::kCopied;
  Subject apart(ground, c, options);
  options.keep_all = false;
  Subject sharing(ground, c, options);
  apart.forward();
  sharing.forward();
  require_same_bits(sharing.outputs(), apart.outputs(), "memory shared, top");
  apart.backward();
  sharing.backward();
  require_same_bits(sharing.gradients(), apart.gradients(), "memory shared, gradient");

  Sharing seen;
  if (shares_nothing(sharing)) return seen;
  const net::Value& top = sharing.value(sharing.stage().tops[0]);
  for (const int bottom : sharing.stage().bottoms) {
    seen.data += sharing.value(bottom).data.buffer == top.data.buffer;
    seen.gradients +=
        top.needs_gradient && sharing.value(bottom).gradient.buffer == top.gradient.buffer;
  }
  return seen;
}

void check_per_sample(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  if (subject.layer().facts.per_sample == 0) return;
  subject.forward();
  const auto before = subject.outputs();
  for (std::size_t i = 0; i < subject.inputs().size(); ++i) {  // all but the first sample change
    Values& input = subject.inputs()[i];
    for (std::size_t k = first_sample(subject, static_cast<int>(i), input).size(); k < input.size();
         ++k)
      input[k] *= 0.5;
  }
  subject.forward();
  const auto after = subject.outputs();
  for (std::size_t i = 0; i < before.size(); ++i) {
    const int top = subject.stage().tops[i];
    require_same_bits({first_sample(subject, top, after[i])},
                      {first_sample(subject, top, before[i])}, "other samples changed, top");
  }
}

void check_zero_to_zero(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  if (subject.layer().facts.zero_to_zero == 0) return;
  for (Values& input : subject.inputs())
    input.assign(input.size(), 0);
  subject.forward();
  for (const Values& output : subject.outputs())
    require_same_bits({output}, {Values(output.size(), 0)}, "zeros in, top");
}

void check_random(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  if (subject.layer().facts.nondeterministic != 0) return;
  subject.forward(1);
  const auto first = subject.outputs();
  subject.forward(2);
  const bool differs = subject.outputs() != first;
  subject.forward(1);
  require_same_bits(subject.outputs(), first, "the first pass again, top");
  const bool declared = subject.layer().facts.uses_random != 0;
  if (differs && !declared)
    fail("another pass gives other values", "the same, as uses_random isn't declared");
  const bool has_elements =
      std::any_of(first.begin(), first.end(), [](const Values& top) { return !top.empty(); });
  if (!differs && declared && has_elements)
    fail("another pass gives the same values", "others, as uses_random is declared");
}

void check_repeatable(const Ground& ground, const LayerCase& c) {
  Subject once(ground, c);
  if (once.layer().facts.nondeterministic != 0) return;
  Subject again(ground, c);
  const auto run = [](Subject& subject) {
    poison_outputs(subject);  // what isn't written is L3's to tell
    subject.forward();
    subject.backward();
  };
  run(once);
  const auto outputs = once.outputs();
  const auto gradients = once.gradients();
  for (Subject* const subject : {&once, &again}) {
    const std::string where = subject == &once ? "a second time" : "a second net";
    run(*subject);
    require_same_bits(subject->outputs(), outputs, where + ", top");
    require_same_bits(subject->gradients(), gradients, where + ", gradient");
  }
}

void check_identity(const Ground& ground, const LayerCase& c) {
  SubjectOptions options;
  options.is_training = false;
  Subject subject(ground, c, options);
  if (subject.layer().facts.identity_in_test == 0) return;
  subject.forward();
  require_same_bits({subject.outputs().at(0)}, {subject.inputs().at(0)}, "phase TEST, top");
}

void check_elementwise(const Ground& ground, const LayerCase& c) {
  Subject subject(ground, c);
  if (subject.layer().facts.elementwise == 0) return;
  subject.forward();
  const auto before = subject.outputs();
  for (Values& input : subject.inputs()) {
    for (std::size_t k = 0; k < input.size(); ++k)
      input[k] *= is_changed(k) ? 0.5 : 1;
  }
  subject.forward();
  const auto after = subject.outputs();
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t k = 0; k < before[i].size(); ++k) {
      if (is_changed(k)) continue;
      require_same_bits({{after[i][k]}}, {{before[i][k]}},
                        fmt::format("its neighbours changed, element {} of top", k));
    }
  }
}

}  // namespace dlrun::conform
