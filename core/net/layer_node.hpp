// One layer of a net: the plugin's instance, what it declared, and the tensors it works on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <dlrun/abi.h>

#include "core/config/node.hpp"
#include "core/host/params.hpp"
#include "core/memory/buffer.hpp"
#include "core/net/catalogue.hpp"
#include "core/net/executor.hpp"

namespace dlrun::net {

// A learnable parameter (or kept state) as its layer declared it.
struct ParamDecl {
  dlr_tensor_desc desc{};
  const dlr_params* filler = nullptr;
  double value = 0;  // at first, without a filler
  double lr_mult = 1;
  double decay_mult = 1;
  bool is_state = false;
  int param = -1;  // index among the net's parameters, once resolved
};

struct ScratchDecl {
  int64_t unless_operator = -1;
  bool reserve = false;
  dlr_tensor tensor{};
};

class LayerNode;

}  // namespace dlrun::net

// What a plugin's calls act on. One per layer, and one for a solver's updates.
struct dlr_context {
  dlrun::net::LayerNode* layer = nullptr;  // null for a solver
  dlrun::net::Executor* executor = nullptr;
  uint32_t dtype = DLR_F32;
  dlr_random_key random_key{};
};

namespace dlrun::net {

class LayerNode {
 public:
  // Creates the plugin's instance. `config` is the LayerParameter.
  LayerNode(const config::Node& config, Catalogue& catalogue, uint32_t dtype, bool is_training,
            bool may_run_backward);
  ~LayerNode();
  LayerNode(const LayerNode&) = delete;
  LayerNode& operator=(const LayerNode&) = delete;

  // With bottom_descs filled in. They fill in everything the layer declares and top_descs.
  void setup();
  void reshape();
  void forward();
  void backward();
  bool has_backward() const;
  std::string save_state();
  void save_state(dlr_error* (*write)(void* sink, dlr_string bytes), void* sink);
  void load_state(const std::string& bytes);
  const dlr_layer_type& type() const { return *type_; }

  // "layer 'conv1': "
  const std::string& subject() const { return subject_; }

  config::Node config;
  std::string name;
  std::string type_name;
  std::string plugin_file;  // that serves the type, for reports
  bool is_training;
  bool may_run_backward;
  dlr_context context;

  // Declared by the layer.
  dlr_layer_facts facts{};
  std::vector<dlr_bottom_facts> bottom_facts;
  std::vector<dlr_top_facts> top_facts;
  std::vector<ParamDecl> params;
  std::vector<ScratchDecl> scratch;
  std::vector<Operator> operators;
  double flops = 0;
  double bytes = 0;
  std::string wrong_declaration;  // told when setup returns

  // Shapes, as far as known while building.
  std::vector<dlr_tensor_desc> bottom_descs;
  std::vector<dlr_tensor_desc> top_descs;
  std::vector<bool> top_shape_known;

  // Tensors of the pass under way; null gradients are not wanted.
  std::vector<dlr_tensor*> bottoms;
  std::vector<dlr_tensor*> tops;
  std::vector<dlr_tensor*> bottom_gradients;
  std::vector<dlr_tensor*> top_gradients;
  std::vector<dlr_tensor*> param_tensors;
  std::vector<dlr_tensor*> param_gradients;
  // By operator: what those of one `pair` attribute share.
  std::vector<dlr_mem> reserves;
  std::function<void(dlr_tensor&, const dlr_params&)> fill;  // serves dlr_context_api.fill

 private:
  template <class Body>
  void located(Body&& body);
  void check_facts() const;
  void check_unnamed_tops() const;

  std::string subject_;
  const dlr_layer_type* type_ = nullptr;
  host::ParamsOwner params_owner_;
  void* self_ = nullptr;
  bool is_made_ = false;
};

// The functions behind dlr_context.
const dlr_context_api* context_api();

}  // namespace dlrun::net
