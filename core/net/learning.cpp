#include "core/net/learning.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace dlrun::net {
namespace {

class Learning {
 public:
  explicit Learning(const Net& net)
      : net_(net), learners_(net.values().size(), nullptr), matters_(net.values().size(), false) {}

  // From the losses up.
  bool is_any() {
    for (const auto& stage : net_.stages()) {
      for (const int top : stage->tops)
        learners_[at(top)] = learner_above_tops(*stage);
    }
    bool is_any = false;
    for (auto stage = net_.stages().rbegin(); stage != net_.stages().rend(); ++stage)
      is_any = pass_up(**stage) || is_any;
    return is_any;
  }

  bool has_rate() const {
    return std::any_of(net_.params().begin(), net_.params().end(),
                       [](const auto& param) { return has_rate(*param); });
  }
  bool has_loss() const {
    return std::any_of(net_.values().begin(), net_.values().end(),
                       [](const auto& value) { return value->loss_weight != 0; });
  }

 private:
  static size_t at(int value) { return static_cast<size_t>(value); }

  // Whether the layer learns from a loss.
  bool pass_up(const Stage& stage) {
    const bool counts = std::any_of(stage.tops.begin(), stage.tops.end(), [&](int top) {
      return matters_[at(top)] || net_.values()[at(top)]->loss_weight != 0;
    });
    if (!counts || !stage.layer) return false;
    if (!has_gradient(stage)) {
      if (const Stage* learner = learner_above_tops(stage)) fail(stage, *learner);
      return false;
    }
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      if (may_flow(stage, i)) matters_[at(stage.bottoms[i])] = true;
    }
    return learns(stage);
  }

  // The layer itself, or one that it gets values from; null when nothing of them learns.
  const Stage* learner_above_tops(const Stage& stage) const {
    if (!stage.layer) return nullptr;
    if (learns(stage)) return &stage;
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      const Stage* learner = learners_[at(stage.bottoms[i])];
      if (learner != nullptr && may_flow(stage, i)) return learner;
    }
    return nullptr;
  }

  static bool has_gradient(const Stage& stage) {
    return stage.layer->has_backward() || stage.is_view;
  }

  // Neither its author nor the job says that nothing flows there. What a layer without any gradient
  // says of a single bottom tells nothing.
  static bool may_flow(const Stage& stage, size_t bottom) {
    if (has_gradient(stage) && stage.layer->bottom_facts[bottom].gradient_flows == 0) return false;
    return !stage.config.has("propagate_down") ||
           stage.config.boolean("propagate_down", static_cast<int>(bottom));
  }

  bool learns(const Stage& stage) const {
    return std::any_of(
        stage.layer->params.begin(), stage.layer->params.end(),
        [&](const ParamDecl& decl) { return has_rate(*net_.params()[at(decl.param)]); });
  }
  static bool has_rate(const Param& param) { return !param.is_state && param.lr_mult != 0; }

  [[noreturn]] static void fail(const Stage& stage, const Stage& learner) {
    const std::string type = stage.layer->type_name;
    const std::string what =
        &stage == &learner
            ? fmt::format(
                  "has parameters that learn, and type '{}' gives them no gradient; "
                  "`param {{ lr_mult: 0 }}` for each of them",
                  type)
            : fmt::format(
                  "type '{}' has no gradient to pass on to layer '{}', which learns; "
                  "`propagate_down: false` for its bottom",
                  type, learner.name);
    base::fail_input(stage.config.where(),
                     fmt::format("{}{} says that this is meant", stage.layer->subject(), what));
  }

  const Net& net_;
  std::vector<const Stage*> learners_;  // above each value
  std::vector<bool> matters_;           // of values: a loss depends on it
};

}  // namespace

void check_learning(const Net& net, const base::Location& where) {
  Learning learning(net);
  if (learning.is_any()) return;
  const char* why = "no gradient of a loss comes to its parameters (see propagate_down)";
  if (!learning.has_rate()) why = "it has no parameter with a learning rate (lr_mult) other than 0";
  if (!learning.has_loss())
    why = "it has no loss (a layer of a loss type, or one with loss_weight)";
  spdlog::warn("{}nothing in this net learns: {}", base::to_prefix(where), why);
}

}  // namespace dlrun::net
