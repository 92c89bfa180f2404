// The rungs of a layer: every rule over every case.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/conform/layer_checks.hpp"
#include "core/conform/parts.hpp"

namespace dlrun::conform {
namespace {

// Cases of the layer's own, or the default ones that it can be made with.
std::vector<LayerCase> cases_of(const Ground& ground, const std::vector<LayerCase>& cases,
                                const std::string& layer, std::string* why_none) {
  std::vector<LayerCase> own;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(own),
               [&](const LayerCase& each) { return each.layer == layer; });
  if (!own.empty()) return own;
  const auto& type = ground.catalogue.get<dlr_layer_type>("layer", layer, {}, "");
  for (const LayerCase& each :
       default_cases(layer, type.min_bottoms, type.max_bottoms, type.min_tops)) {
    try {
      check_shapes(ground, each);
      own.push_back(each);
    } catch (const base::Error& error) {
      *why_none = error.what();
    }
  }
  return own;
}

// What a layer saves and keeps is checked with small cases: in the shapes of a net it takes long
// and tells nothing else.
bool depends_on_shapes(const std::string& rule) {
  return rule != "L13" && rule != "L14";
}

}  // namespace

void check_layer_case(const Ground& ground, const LayerCase& c, Runner& runner) {
  struct Step {
    const char* rung;
    const char* rule;
    std::function<void()> check;
  };
  const Step steps[] = {
      {"shapes", "L1", [&] { check_shapes(ground, c); }},
      {"library", "A5", [&] { check_reserved(ground, c); }},
      {"facts", "L15", [&] { check_kernel_list(ground, c); }},
      {"facts", "L3", [&] { check_written(ground, c); }},
      {"facts", "L9", [&] { check_repeatable(ground, c); }},
      {"facts", "L8", [&] { check_random(ground, c); }},
      {"facts", "L4", [&] { check_unneeded(ground, c); }},
      {"facts", "L5", [&] { check_sharing(ground, c); }},
      {"facts", "L6", [&] { check_per_sample(ground, c); }},
      {"facts", "L7", [&] { check_zero_to_zero(ground, c); }},
      {"facts", "L10", [&] { check_identity(ground, c); }},
      {"facts", "L11", [&] { check_elementwise(ground, c); }},
      {"gradients", "L2", [&] { check_gradients(ground, c); }},
      {"float32", "L12", [&] { check_float32(ground, c); }},
      {"state", "L13", [&] { check_state(ground, c); }},
      {"memory", "L14", [&] { check_layer_leaks(ground, c); }},
  };
  // What breaks one rule mostly breaks those behind it too: the first is told.
  for (const Step& step : steps) {
    if (c.is_of_net && !depends_on_shapes(step.rule)) continue;
    runner.rung(step.rung);
    if (!runner.check(step.rule, fmt::format("{}: {}{}", c.layer, c.name, ground.label),
                      step.check))
      return;
  }
}

void check_layer(const Ground& ground, const std::vector<LayerCase>& cases, const std::string& only,
                 Runner& runner) {
  std::string why_none;
  std::vector<LayerCase> own;
  runner.rung("shapes");
  const bool found = runner.check("L1", only + ": cases", [&] {
    own = cases_of(ground, cases, only, &why_none);
    if (own.empty()) decline("no default case fits it, give some with --cases: " + why_none);
  });
  if (own.empty() && found)
    own = cases_of(ground, cases, only, &why_none);  // the check was skipped
  for (const LayerCase& each : own)
    check_layer_case(ground, each, runner);
}

}  // namespace dlrun::conform
