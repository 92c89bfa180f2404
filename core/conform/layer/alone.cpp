// Rule L16: a gradient is the same whichever others are wanted.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/conform/layer/checks.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

// Whether a word is in the text, and not as a part of another.
bool has_word(const std::string& text, const std::string& word) {
  const auto is_part = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_part(text[at - 1]);
    if (begins && (end == text.size() || !is_part(text[end]))) return true;
  }
  return false;
}

// Fields that say which gradients are wanted: a case that has them has decided already.
bool decides_itself(const LayerCase& c) {
  return has_word(c.fields, "param") || has_word(c.fields, "propagate_down") ||
         has_word(c.fields, "loss_weight");
}

// What a pass leaves over gradients that held NaN before.
std::vector<Values> gradients_of(Subject& subject) {
  for (const bool is_first : {true, false}) {
    subject.forward();
    subject.backward();
    if (!is_first) break;
    for (dlr_tensor* gradient : subject.gradient_tensors())
      subject.poison(*gradient);
  }
  return subject.gradients();
}

void require_alike(const Values& found, const Values& expected, const std::string& what) {
  constexpr double kRelative = 1e-10;
  require_close(found, expected, kRelative, kRelative, what);
}

// The case with no gradient for any input but one.
LayerCase with_input(const LayerCase& c, std::size_t wanted) {
  LayerCase alone = c;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    alone.fields += i == wanted ? " propagate_down: true" : " propagate_down: false";
  return alone;
}

void check_inputs(const Ground& ground, const LayerCase& c, Subject& all,
                  const std::vector<Values>& expected) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (!all.value(static_cast<int>(i)).needs_gradient) continue;
    Subject one(ground, with_input(c, i));
    require_alike(gradients_of(one).at(0), expected.at(found),
                  fmt::format("without those of other bottoms, bottom {}", i));
    ++found;
  }
}

// The case as a net that learns: its tops are objectives, and inputs get no gradients.
LayerCase learning(const LayerCase& c, Subject& all) {
  LayerCase learns = c;
  learns.forces_backward = false;
  for (const int top : all.stage().tops) {
    const net::Value& value = all.value(top);
    const auto& without = c.no_gradient;
    const bool has_gradient = value.needs_gradient && std::find(without.begin(), without.end(),
                                                                value.name) == without.end();
    learns.fields += fmt::format(" loss_weight: {}", has_gradient ? 1 : 0);
  }
  return learns;
}

// The case in which one parameter learns.
LayerCase with_param(const LayerCase& learns, std::size_t n_params, std::size_t wanted) {
  LayerCase alone = learns;
  for (std::size_t i = 0; i < n_params; ++i)
    alone.fields += fmt::format(" param {{ lr_mult: {} }}", i == wanted ? 1 : 0);
  return alone;
}

void check_params(const Ground& ground, const LayerCase& c, Subject& all) {
  const auto& params = all.layer().params;
  const LayerCase learns = learning(c, all);
  const auto is_learned = [](const net::ParamDecl& param) { return !param.is_state; };
  const auto n = std::count_if(params.begin(), params.end(), is_learned);
  if (n == 0) return;
  Subject together(ground, learns);
  const std::vector<Values> expected = gradients_of(together);
  std::size_t next = 0;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (params[i].is_state) continue;
    Subject one(ground, with_param(learns, params.size(), i));
    require_alike(gradients_of(one).at(0), expected.at(next++),
                  fmt::format("without those of others, parameter {}", i));
  }
}

}  // namespace

void check_alone(const Ground& ground, const LayerCase& c) {
  if (decides_itself(c)) decline("the case says which gradients are wanted");
  Subject all(ground, c);
  if (!all.has_backward() || all.stage().is_view) decline("the layer computes no gradient");
  const std::vector<Values> expected = gradients_of(all);
  if (expected.size() < 2) decline("it has one gradient at most");
  check_inputs(ground, c, all, expected);
  check_params(ground, c, all);
}

}  // namespace dlrun::conform
