// Rules L3 to L11: what a layer declares about itself holds.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/conform/layer/checks.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

bool shares_nothing(Subject& subject) {
  return subject.stage().is_view || subject.stage().tops.empty();
}

// Of what a value holds, sample 0 or all the others.
std::span<double> samples_of(Subject& subject, int value, bool is_first, Values& values) {
  const dlr_tensor_desc& desc = subject.value(value).data.desc;
  const std::size_t samples =
      desc.rank == 0 ? 1 : static_cast<std::size_t>(std::max<int64_t>(desc.dim[0], 1));
  const std::size_t end = values.size() / samples;
  return is_first ? std::span(values).first(end) : std::span(values).subspan(end);
}

// Changes sample 0 or all the others: the samples of tops that didn't change stay.
void check_samples_apart(Subject& subject, bool first_changes) {
  subject.forward();
  auto before = subject.outputs();
  for (std::size_t i = 0; i < subject.inputs().size(); ++i) {
    const int input = static_cast<int>(i);
    for (double& element : samples_of(subject, input, first_changes, subject.inputs()[i]))
      element *= 0.5;
  }
  subject.forward();
  auto after = subject.outputs();
  for (std::vector<Values>* const outputs : {&before, &after}) {
    for (std::size_t i = 0; i < outputs->size(); ++i)
      std::ranges::fill(samples_of(subject, subject.stage().tops[i], first_changes, (*outputs)[i]),
                        0);
  }
  require_same_bits(after, before,
                    first_changes ? "the first sample changed, other samples of top"
                                  : "other samples changed, first sample of top");
}

// Whether some run gives other values than the first. With few elements two may agree by chance.
template <class Run>
bool differs(const std::vector<Values>& first, uint64_t n_runs, Run&& run) {
  for (uint64_t i = 1; i <= n_runs; ++i) {
    if (run(i) != first) return true;
  }
  return false;
}

constexpr uint64_t kManyRuns = 16;

// `first` was drawn in pass 1. Without the job's seed in the key each training draws the same, and
// without the layer's own part all layers of a net do.
void check_other_keys(const Ground& ground, const LayerCase& c, const std::vector<Values>& first) {
  const auto draw = [&](const LayerCase& drawing, const SubjectOptions& options) {
    Subject subject(ground, drawing, options);
    subject.forward(1);
    return subject.outputs();
  };
  const auto with_seed = [&](uint64_t i) {
    SubjectOptions options;
    options.seed += i;
    return draw(c, options);
  };
  const auto with_name = [&](uint64_t i) {
    LayerCase named = c;
    named.called += std::to_string(i);
    return draw(named, {});
  };
  if (!differs(first, kManyRuns, with_seed))
    fail("with another seed the same values", "others, as uses_random is declared");
  if (!differs(first, kManyRuns, with_name))
    fail("a layer of another name gives the same values", "others, as uses_random is declared");
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
  for (const bool first_changes : {false, true})
    check_samples_apart(subject, first_changes);
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
  const auto pass = [&](uint64_t number) {
    subject.forward(number);
    return subject.outputs();
  };
  const bool declared = subject.layer().facts.uses_random != 0;
  const auto first = pass(1);
  const bool draws =
      differs(first, declared ? kManyRuns : 1, [&](uint64_t i) { return pass(1 + i); });
  require_same_bits(pass(1), first, "the first pass again, top");
  if (draws && !declared)
    fail("another pass gives other values", "the same, as uses_random isn't declared");
  const bool has_elements =
      std::any_of(first.begin(), first.end(), [](const Values& top) { return !top.empty(); });
  if (!declared || !has_elements) return;
  if (!draws) fail("another pass gives the same values", "others, as uses_random is declared");
  check_other_keys(ground, c, first);
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
  const LayerCase tested = in_test(c);
  Subject subject(ground, tested);
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
