#include "core/net/gradient_flow.hpp"

#include <algorithm>

namespace dlrun::net {
namespace {

class Flow {
 public:
  Flow(const std::vector<std::unique_ptr<Stage>>& stages,
       const std::vector<std::unique_ptr<Value>>& values,
       const std::vector<std::unique_ptr<Param>>& params, const NetOptions& options)
      : stages_(stages), values_(values), params_(params), options_(options) {}

  void find() {
    for (const auto& stage : stages_)
      stage->wants_gradient.assign(stage->bottoms.size(), false);
    if (!options_.state.is_training && !options_.force_backward) return;
    std::vector<bool> learns(values_.size(), false);  // something above can learn
    for (const auto& stage : stages_)
      flow_down(*stage, learns);
    std::vector<bool> matters(values_.size(), false);  // the objective depends on it
    for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage)
      flow_up(**stage, matters);
    for (const auto& stage : stages_)
      collect(*stage);
    for (const auto& value : values_)
      order_parts(*value);
  }

 private:
  bool can_learn(const Stage& stage) const {
    return stage.layer && std::any_of(stage.layer->params.begin(), stage.layer->params.end(),
                                      [&](const ParamDecl& p) {
                                        const Param& param = *params_[static_cast<size_t>(p.param)];
                                        return !param.is_state &&
                                               (param.lr_mult != 0 || options_.force_backward);
                                      });
  }

  // Whether a bottom gets a gradient where the layer computes one: as `propagate_down` says, else
  // when something above can learn or all is forced.
  bool is_wanted(const Stage& stage, int bottom, const std::vector<bool>& learns) const {
    if (stage.config.has("propagate_down")) return stage.config.boolean("propagate_down", bottom);
    return options_.force_backward ||
           learns[static_cast<size_t>(stage.bottoms[static_cast<size_t>(bottom)])];
  }

  void flow_down(Stage& stage, std::vector<bool>& learns) {
    bool any = can_learn(stage);
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      const bool flows = stage.layer && stage.layer->has_backward() &&
                         stage.layer->bottom_facts[i].gradient_flows != 0;
      stage.wants_gradient[i] = flows && is_wanted(stage, static_cast<int>(i), learns);
      any = any || stage.wants_gradient[i];
    }
    stage.runs_backward = any && stage.layer && (stage.layer->has_backward() || stage.is_view);
    for (const int top : stage.tops)
      learns[static_cast<size_t>(top)] = stage.runs_backward;
  }

  void flow_up(Stage& stage, std::vector<bool>& matters) {
    bool any = false;
    for (const int top : stage.tops) {
      const Value& value = *values_[static_cast<size_t>(top)];
      any = any || matters[static_cast<size_t>(top)] || value.loss_weight != 0 ||
            (options_.force_backward && value.uses.empty());
    }
    // A layer without tops that swallows values gives them a gradient of zeros only when all is
    // forced.
    if (stage.tops.empty()) any = options_.force_backward;
    stage.runs_backward = stage.runs_backward && any;
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      stage.wants_gradient[i] = stage.wants_gradient[i] && stage.runs_backward;
      if (stage.wants_gradient[i]) matters[static_cast<size_t>(stage.bottoms[i])] = true;
    }
  }

  void collect(Stage& stage) {
    if (!stage.runs_backward) return;
    for (const int top : stage.tops)
      values_[static_cast<size_t>(top)]->needs_gradient = true;
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      if (!stage.wants_gradient[i]) continue;
      Value& value = *values_[static_cast<size_t>(stage.bottoms[i])];
      value.needs_gradient = true;
      add_parts(stage, static_cast<int>(i), value);
    }
    for (const ParamDecl& decl : stage.layer->params) {
      Param& param = *params_[static_cast<size_t>(decl.param)];
      if (!param.is_state && (param.lr_mult != 0 || options_.force_backward))
        param.wants_gradient = true;
    }
  }

  void add_parts(const Stage& stage, int bottom, Value& value) {
    const auto use = std::find_if(value.uses.begin(), value.uses.end(), [&](const Use& u) {
      return stages_[static_cast<size_t>(u.stage)].get() == &stage && u.bottom == bottom;
    });
    if (!stage.is_view) {
      value.parts.push_back({*use, -1, nullptr});
      return;
    }
    for (size_t top = 0; top < stage.tops.size(); ++top) {
      if (stage.layer->top_facts[top].view_of == bottom)
        value.parts.push_back({*use, stage.tops[top], nullptr});
    }
  }

  // Backward visits later stages first.
  static void order_parts(Value& value) {
    std::stable_sort(
        value.parts.begin(), value.parts.end(),
        [](const GradientPart& a, const GradientPart& b) { return a.use.stage > b.use.stage; });
  }

  const std::vector<std::unique_ptr<Stage>>& stages_;
  const std::vector<std::unique_ptr<Value>>& values_;
  const std::vector<std::unique_ptr<Param>>& params_;
  const NetOptions& options_;
};

}  // namespace

void find_gradient_flow(const std::vector<std::unique_ptr<Stage>>& stages,
                        const std::vector<std::unique_ptr<Value>>& values,
                        const std::vector<std::unique_ptr<Param>>& params,
                        const NetOptions& options) {
  Flow(stages, values, params, options).find();
}

}  // namespace dlrun::net
