#include "core/net/layer_node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/plugin_call.hpp"
#include "core/host/error.hpp"

namespace dlrun::net {
namespace {

void require_arity(const config::Node& config, const char* what, const char* field, int found,
                   int32_t least, int32_t most) {
  if (found >= least && (most == DLR_UNBOUNDED || found <= most)) return;
  std::string expected = fmt::format("{}", least);
  if (most == DLR_UNBOUNDED) expected += " or more";
  if (most > least) expected += fmt::format(" to {}", most);
  const std::string message = fmt::format("type '{}' takes {} {}{}, found {}", config.text("type"),
                                          expected, what, expected == "1" ? "" : "s", found);
  if (config.has(field)) config.fail(field, message);
  config.fail(message);
}

}  // namespace

// What a plugin says without a place in a file gets the layer's own.
template <class Body>
void LayerNode::located(Body&& body) {
  try {
    body();
  } catch (const base::Error& error) {
    if (std::string_view(error.what()).substr(0, subject_.size()) != subject_) throw;
    throw base::Error(error.code(), config.where(), error.what());
  }
}

LayerNode::LayerNode(const config::Node& layer, Catalogue& catalogue, uint32_t dtype, bool training,
                     bool backward_may_run)
    : config(layer),
      name(layer.text("name")),
      type_name(layer.text("type")),
      is_training(training),
      may_run_backward(backward_may_run),
      subject_(fmt::format("layer '{}': ", name)),
      params_owner_(catalogue) {
  const Provided provided = catalogue.load("layer", type_name, config.where("type"), subject_);
  type_ = static_cast<const dlr_layer_type*>(provided.type);
  plugin_file = provided.plugin_file;
  const int n_bottoms = config.count("bottom");
  // One that is required and not named is made up for a loss, as in Caffe; setup says what is one.
  const int n_tops = std::max(config.count("top"), type_->min_tops);
  require_arity(config, "bottom", "bottom", n_bottoms, type_->min_bottoms, type_->max_bottoms);
  require_arity(config, "top", "top", n_tops, type_->min_tops, type_->max_tops);
  context.layer = this;
  context.dtype = dtype;
  facts.size = sizeof facts;
  bottom_facts.assign(static_cast<size_t>(n_bottoms), {sizeof(dlr_bottom_facts), 1, 1, 0, 0, -1});
  top_facts.assign(static_cast<size_t>(n_tops), {sizeof(dlr_top_facts), -1, -1, 1, 0, {}});
  bottom_descs.resize(static_cast<size_t>(n_bottoms));
  top_descs.resize(static_cast<size_t>(n_tops));
  top_shape_known.resize(static_cast<size_t>(n_tops));
  const dlr_params* params = params_owner_.add(config);
  located([&] {
    const base::PluginCall call(subject_, plugin_file, "create");
    host::check(type_->create(params, &context, &self_), subject_);
  });
  is_made_ = true;
}

LayerNode::~LayerNode() {
  if (!is_made_) return;
  const base::PluginCall call(subject_, plugin_file, "destroy");
  type_->destroy(self_);
}

void LayerNode::setup() {
  located([&] {
    const base::PluginCall call(subject_, plugin_file, "setup");
    host::check(type_->setup(self_, &context), subject_);
    check_facts();
    check_unnamed_tops();
  });
}

void LayerNode::check_unnamed_tops() const {
  const int named = config.count("top");
  for (auto top = static_cast<size_t>(named); top < top_facts.size(); ++top) {
    if (top_facts[top].is_loss == 0)
      require_arity(config, "top", "top", named, type_->min_tops, type_->max_tops);
  }
}

// Facts name bottoms and tops by number: the memory plan relies on them.
void LayerNode::check_facts() const {
  std::string wrong = wrong_declaration;
  const auto require = [&](const char* fact, int32_t index, std::size_t count) {
    if (index >= 0 && static_cast<std::size_t>(index) >= count)
      wrong = fmt::format("the fact {} = {}, which isn't there", fact, index);
  };
  for (const dlr_top_facts& top : top_facts) {
    require("inplace_of", top.inplace_of, bottom_facts.size());
    require("view_of", top.view_of, bottom_facts.size());
  }
  for (const dlr_bottom_facts& bottom : bottom_facts)
    require("gradient_inplace_of", bottom.gradient_inplace_of, top_facts.size());
  if (!wrong.empty()) base::fail_work(fmt::format("{}the plugin declared {}", subject_, wrong));
}

void LayerNode::reshape() {
  scratch.clear();
  operators.clear();
  top_shape_known.assign(top_shape_known.size(), false);
  located([&] {
    const base::PluginCall call(subject_, plugin_file, "reshape");
    host::check(type_->reshape(self_, &context), subject_);
  });
  for (size_t top = 0; top < top_shape_known.size(); ++top) {
    if (!top_shape_known[top]) {
      base::fail_work(config.where(),
                      fmt::format("{}the plugin didn't give top {} a shape", subject_, top));
    }
  }
}

void LayerNode::forward() {
  const base::PluginCall call(subject_, plugin_file, "forward");
  host::check(type_->forward(self_, &context), subject_);
}

bool LayerNode::has_backward() const {
  return type_->backward != nullptr && facts.no_backward == 0;
}

void LayerNode::backward() {
  const base::PluginCall call(subject_, plugin_file, "backward");
  host::check(type_->backward(self_, &context), subject_);
}

std::string LayerNode::save_state() {
  std::string state;
  save_state(
      [](void* sink, dlr_string bytes) -> dlr_error* {
        return host::guard([&] { static_cast<std::string*>(sink)->append(host::from_abi(bytes)); });
      },
      &state);
  return state;
}

void LayerNode::save_state(dlr_error* (*write)(void*, dlr_string), void* sink) {
  if (!DLR_HAS(type_, save_state) || type_->save_state == nullptr) return;
  const base::PluginCall call(subject_, plugin_file, "save_state");
  host::check(type_->save_state(self_, write, sink), subject_);
}

void LayerNode::load_state(const std::string& bytes) {
  if (!DLR_HAS(type_, load_state) || type_->load_state == nullptr) return;
  const base::PluginCall call(subject_, plugin_file, "load_state");
  host::check(type_->load_state(self_, host::to_abi(bytes)), subject_);
}

}  // namespace dlrun::net
