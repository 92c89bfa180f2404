// The first step of building a net: from a NetParameter to stages and values with shapes.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/base/error.hpp"
#include "core/base/suggest.hpp"
#include "core/net/gradient_flow.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {

class Builder {
 public:
  Builder(Net& net, const config::Node& config) : net_(net), config_(config) {}

  void build() {
    for (const config::Node& layer : included_layers(config_, net_.options_.state))
      add_stage(layer);
    if (net_.stages_.empty()) {
      base::fail_input(config_.where(),
                       fmt::format("net '{}' has no layers in this state (phase {})", net_.name_,
                                   net_.options_.state.is_training ? "TRAIN" : "TEST"));
    }
    set_loss_weights();
  }

 private:
  void add_stage(const config::Node& layer) {
    auto stage = std::make_unique<Stage>();
    stage->config = layer;
    stage->name = layer.text("name");
    if (!layer.has("type"))
      layer.fail("has no type; every layer needs `type`, e.g. type: \"Convolution\"");
    require_unique_name(layer, stage->name);
    const int index = static_cast<int>(net_.stages_.size());
    connect_bottoms(*stage, index);
    const std::string type = layer.text("type");
    if (net_.catalogue_.has("source", type) && !net_.catalogue_.has("layer", type)) {
      make_feed(*stage);
    } else {
      make_layer(*stage);
    }
    connect_tops(*stage, index);
    net_.stages_.push_back(std::move(stage));
  }

  void require_unique_name(const config::Node& layer, const std::string& name) {
    if (name.empty()) return;
    for (const auto& other : net_.stages_) {
      if (other->name != name) continue;
      const base::Location at = other->config.where();
      layer.fail("name", fmt::format("the name is taken by the layer at {}:{}:{}; weights are kept "
                                     "by name, so it must be unique",
                                     at.file, at.line, at.column));
    }
  }

  void connect_bottoms(Stage& stage, int index) {
    for (int i = 0; i < stage.config.count("bottom"); ++i) {
      const std::string name = stage.config.text("bottom", i);
      const auto found = net_.latest_.find(name);
      if (found == net_.latest_.end()) fail_unknown_bottom(stage, name, i);
      stage.bottoms.push_back(found->second);
      net_.values_[static_cast<size_t>(found->second)]->uses.push_back({index, i});
    }
    const size_t wanted = static_cast<size_t>(stage.config.count("propagate_down"));
    if (wanted > 0 && wanted != stage.bottoms.size()) {
      stage.config.fail(
          "propagate_down",
          fmt::format(
              "{} values are given, but the layer has {} bottoms; give one for each or none",
              wanted, stage.bottoms.size()));
    }
  }

  [[noreturn]] void fail_unknown_bottom(const Stage& stage, const std::string& name, int i) {
    std::vector<std::string> known;
    for (const auto& [value, unused] : net_.latest_)
      known.push_back(value);
    stage.config.fail("bottom",
                      fmt::format("unknown bottom '{}': no layer before this one has such a top{}",
                                  name, base::did_you_mean(name, known)),
                      i);
  }

  bool is_training(const Stage& stage) const {
    return stage.config.has("phase") ? stage.config.text("phase") == "TRAIN"
                                     : net_.options_.state.is_training;
  }

  void make_feed(Stage& stage) {
    if (!stage.bottoms.empty()) {
      stage.config.fail("bottom", fmt::format("type '{}' is a data source and takes no bottom",
                                              stage.config.text("type")));
    }
    stage.feed = std::make_unique<Feed>(stage.config, net_.catalogue_, net_.options_.dtype,
                                        is_training(stage), net_.options_.seed);
  }

  void make_layer(Stage& stage) {
    stage.layer = std::make_unique<LayerNode>(
        stage.config, net_.catalogue_, net_.options_.dtype, is_training(stage),
        net_.options_.state.is_training || net_.options_.force_backward);
    LayerNode& layer = *stage.layer;
    for (size_t i = 0; i < stage.bottoms.size(); ++i)
      layer.bottom_descs[i] = value(stage.bottoms[i]).data.desc;
    layer.setup();
    layer.reshape();
    stage.is_view = !layer.top_facts.empty() &&
                    std::all_of(layer.top_facts.begin(), layer.top_facts.end(),
                                [](const dlr_top_facts& facts) { return facts.view_of >= 0; });
    add_params(stage);
  }

  void connect_tops(Stage& stage, int index) {
    std::set<std::string> own;
    for (int i = 0; i < stage.config.count("top"); ++i) {
      const std::string name = stage.config.text("top", i);
      if (!own.insert(name).second)
        stage.config.fail("top", fmt::format("top '{}' is given twice", name), i);
      if (net_.latest_.count(name) > 0 && !is_bottom_of(stage, name)) {
        const Value& other = value(net_.latest_.at(name));
        stage.config.fail(
            "top",
            fmt::format(
                "top '{}' is made already by layer '{}'; only a layer that also reads it may "
                "make it anew (in place)",
                name, net_.stages_[static_cast<size_t>(other.producer)]->name),
            i);
      }
      net_.latest_[name] = make_value(stage, index, name);
    }
    // A loss that names no top has one that nobody can read.
    while (stage.layer && stage.tops.size() < stage.layer->top_descs.size())
      make_value(stage, index, "(automatic)");
  }

  // The stage's next top; its index among the values.
  int make_value(Stage& stage, int index, const std::string& name) {
    const size_t top = stage.tops.size();
    auto made = std::make_unique<Value>();
    made->name = name;
    made->producer = index;
    made->producer_top = static_cast<int>(top);
    made->data.desc = stage.feed ? stage.feed->tops()[top] : stage.layer->top_descs[top];
    made->gradient.desc = made->data.desc;
    stage.tops.push_back(static_cast<int>(net_.values_.size()));
    net_.values_.push_back(std::move(made));
    return stage.tops.back();
  }

  bool is_bottom_of(const Stage& stage, const std::string& name) const {
    return std::any_of(stage.bottoms.begin(), stage.bottoms.end(), [&](int bottom) {
      return net_.values_[static_cast<size_t>(bottom)]->name == name;
    });
  }

  void add_params(Stage& stage) {
    LayerNode& layer = *stage.layer;
    const int specs = stage.config.count("param");
    if (specs > static_cast<int>(layer.params.size())) {
      stage.config.fail("param",
                        fmt::format("{} `param` entries are given, but the layer has {} parameters",
                                    specs, layer.params.size()),
                        static_cast<int>(layer.params.size()));
    }
    for (size_t i = 0; i < layer.params.size(); ++i) {
      ParamDecl& decl = layer.params[i];
      config::Node spec;
      if (static_cast<int>(i) < specs) spec = stage.config.message("param", static_cast<int>(i));
      const std::string name = spec ? spec.text("name") : std::string();
      const int shared = name.empty() ? -1 : find_shared(name);
      decl.param = shared >= 0 ? shared : static_cast<int>(net_.params_.size());
      if (shared >= 0) {
        join_shared(*net_.params_[static_cast<size_t>(shared)], decl, spec);
        continue;
      }
      auto param = std::make_unique<Param>();
      param->name = name;
      param->layer = stage.name;
      param->index = static_cast<int>(i);
      param->data.desc = decl.desc;
      param->gradient.desc = decl.desc;
      param->filler = decl.filler;
      param->value = decl.value;
      if (decl.filler != nullptr) require_filler(decl.filler->node);
      param->lr_mult = spec && spec.has("lr_mult") ? spec.number("lr_mult") : decl.lr_mult;
      param->decay_mult =
          spec && spec.has("decay_mult") ? spec.number("decay_mult") : decl.decay_mult;
      param->is_state = decl.is_state;
      param->where = spec ? spec : stage.config;
      net_.params_.push_back(std::move(param));
    }
  }

  // Parameters are filled later, when there are devices; a filler that doesn't exist is told now.
  void require_filler(const config::Node& filler) {
    const std::string type = filler.text("type");
    if (!net_.catalogue_.has("filler", type))
      net_.catalogue_.load("filler", type, filler.where("type"), filler.subject());
  }

  int find_shared(const std::string& name) const {
    for (size_t i = 0; i < net_.params_.size(); ++i) {
      if (net_.params_[i]->name == name) return static_cast<int>(i);
    }
    return -1;
  }

  // A later user of a shared parameter: shapes must agree (strictly, or in their number of
  // elements), and so must multipliers where both say one.
  void join_shared(Param& owner, const ParamDecl& decl, const config::Node& spec) {
    const bool permissive = spec.has("share_mode") && spec.text("share_mode") == "PERMISSIVE";
    const bool fits =
        permissive ? memory::element_count(owner.data.desc) == memory::element_count(decl.desc)
                   : memory::same_shape(owner.data.desc, decl.desc);
    if (!fits) {
      spec.fail("name",
                fmt::format("parameter '{}' is shared with layer '{}', but their shapes differ",
                            owner.name, owner.layer));
    }
    join_multiplier(owner, owner.lr_mult, spec, "lr_mult");
    join_multiplier(owner, owner.decay_mult, spec, "decay_mult");
  }

  static void join_multiplier(const Param& owner, double& value, const config::Node& spec,
                              const char* field) {
    if (!spec.has(field)) return;
    const bool owner_says = owner.where.knows(field) && owner.where.has(field);
    if (owner_says && spec.number(field) != value) {
      spec.fail(field, fmt::format("is {} here and {} in layer '{}', which shares parameter '{}'",
                                   spec.number(field), value, owner.layer, owner.name));
    }
    value = spec.number(field);
  }

  void set_loss_weights() {
    for (const auto& stage : net_.stages_) {
      const int given = stage->config.count("loss_weight");
      if (given > 0 && given != static_cast<int>(stage->tops.size())) {
        stage->config.fail("loss_weight",
                           fmt::format("{} are given for {} tops", given, stage->tops.size()));
      }
      for (size_t top = 0; top < stage->tops.size(); ++top) {
        const bool is_loss = stage->layer && stage->layer->top_facts[top].is_loss != 0;
        value(stage->tops[top]).loss_weight =
            given > 0 ? stage->config.number("loss_weight", static_cast<int>(top))
                      : (is_loss ? 1 : 0);
      }
    }
  }

  Value& value(int index) { return *net_.values_[static_cast<size_t>(index)]; }

  Net& net_;
  const config::Node& config_;
};

Net::Net(const config::Node& net, Catalogue& catalogue, const NetOptions& options)
    : name_(net.text("name")), catalogue_(catalogue), options_(options) {
  if (net.has("force_backward")) options_.force_backward |= net.boolean("force_backward");
  Builder(*this, net).build();
  find_gradient_flow(stages_, values_, params_, options_);
}

}  // namespace dlrun::net
