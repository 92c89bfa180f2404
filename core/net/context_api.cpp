// The functions that layers and solvers call: dlr_context_api over LayerNode and Executor.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/host/error.hpp"
#include "core/net/layer_node.hpp"
#include "core/net/portable_gemm.hpp"

namespace dlrun::net {
namespace {

using host::from_abi;
using host::guard;

LayerNode& layer(dlr_context* context) {
  if (context->layer == nullptr) base::fail_work("a solver's context has no layer");
  return *context->layer;
}

// A tensor of one of the layer's lists, or null where the plugin asks for one that isn't there.
dlr_tensor* at(dlr_context* context, std::vector<dlr_tensor*> LayerNode::*list, uint32_t index) {
  if (context->layer == nullptr) return nullptr;
  const std::vector<dlr_tensor*>& tensors = context->layer->*list;
  return index < tensors.size() ? tensors[index] : nullptr;
}

// Copies what a caller of any minor gave into today's struct.
template <class Facts>
Facts read_facts(const Facts* given, const Facts& defaults) {
  Facts facts = defaults;
  std::copy_n(reinterpret_cast<const char*>(given), std::min<uint64_t>(given->size, sizeof(Facts)),
              reinterpret_cast<char*>(&facts));
  facts.size = sizeof(Facts);
  return facts;
}

dlr_string name(dlr_context* context) {
  return context->layer == nullptr ? dlr_string{"", 0} : host::to_abi(context->layer->name);
}
uint32_t n_bottoms(dlr_context* context) {
  return context->layer == nullptr ? 0 : static_cast<uint32_t>(context->layer->bottom_facts.size());
}
uint32_t n_tops(dlr_context* context) {
  return context->layer == nullptr ? 0 : static_cast<uint32_t>(context->layer->top_facts.size());
}
uint32_t dtype(dlr_context* context) {
  return context->dtype;
}
uint8_t is_training(dlr_context* context) {
  return context->layer != nullptr && context->layer->is_training ? 1 : 0;
}
uint8_t may_run_backward(dlr_context* context) {
  return context->layer != nullptr && context->layer->may_run_backward ? 1 : 0;
}
dlr_random_key random_key(dlr_context* context) {
  return context->random_key;
}

const dlr_tensor_desc* bottom_desc(dlr_context* context, uint32_t index) {
  LayerNode* node = context->layer;
  return node != nullptr && index < node->bottom_descs.size() ? &node->bottom_descs[index]
                                                              : nullptr;
}
const dlr_tensor_desc* top_desc(dlr_context* context, uint32_t index) {
  LayerNode* node = context->layer;
  return node != nullptr && index < node->top_descs.size() ? &node->top_descs[index] : nullptr;
}

// A description that a plugin made, held against what the host can take.
dlr_tensor_desc read_desc(const dlr_tensor_desc* given, const std::string& what) {
  const dlr_tensor_desc desc = read_facts(given, dlr_tensor_desc{});
  if (desc.rank > DLR_MAX_RANK) {
    base::fail_input(fmt::format("{} would have {} axes, at most {} are possible", what, desc.rank,
                                 DLR_MAX_RANK));
  }
  for (uint32_t axis = 0; axis < desc.rank; ++axis) {
    if (desc.dim[axis] < 0) base::fail_input(what + " would have a negative size");
  }
  return desc;
}

// Of a tensor that other layers, solvers and snapshots see.
dlr_tensor_desc read_values_desc(const dlr_context& context, const dlr_tensor_desc* given,
                                 const std::string& what) {
  const dlr_tensor_desc desc = read_desc(given, what);
  if (desc.dtype != context.dtype) {
    base::fail_work(fmt::format(
        "{} would be of element type 0x{:x}: the layer's author must give it the net's, dtype()",
        what, desc.dtype));
  }
  return desc;
}

void set_facts(dlr_context* context, const dlr_layer_facts* facts) {
  if (context->layer == nullptr) return;
  context->layer->facts = read_facts(facts, context->layer->facts);
}

// Facts of bottom or top `index`; one that isn't there is told when setup returns.
template <class Facts>
void set_facts_of(LayerNode& node, std::vector<Facts>& all, const char* what, uint32_t index,
                  const Facts* facts) {
  if (index < all.size()) {
    all[index] = read_facts(facts, all[index]);
  } else {
    node.wrong_declaration = fmt::format("facts of {} {}, which isn't there", what, index);
  }
}
void set_bottom_facts(dlr_context* context, uint32_t index, const dlr_bottom_facts* facts) {
  LayerNode* node = context->layer;
  if (node != nullptr) set_facts_of(*node, node->bottom_facts, "bottom", index, facts);
}
void set_top_facts(dlr_context* context, uint32_t index, const dlr_top_facts* facts) {
  LayerNode* node = context->layer;
  if (node != nullptr) set_facts_of(*node, node->top_facts, "top", index, facts);
}

dlr_error* add_param(dlr_context* context, const dlr_param_desc* desc, uint32_t* index) {
  return guard([&] {
    LayerNode& node = layer(context);
    ParamDecl param;
    param.desc =
        read_values_desc(*context, desc->shape, fmt::format("parameter {}", node.params.size()));
    param.filler = desc->filler;
    param.lr_mult = desc->lr_mult;
    param.decay_mult = desc->decay_mult;
    param.is_state = desc->is_state != 0;
    param.value = DLR_HAS(desc, value) ? desc->value : 0;
    *index = static_cast<uint32_t>(node.params.size());
    node.params.push_back(param);
  });
}

dlr_error* set_top(dlr_context* context, uint32_t index, const dlr_tensor_desc* desc) {
  return guard([&] {
    LayerNode& node = layer(context);
    if (index >= node.top_descs.size()) base::fail_work(fmt::format("there is no top {}", index));
    node.top_descs[index] = read_values_desc(*context, desc, fmt::format("top {}", index));
    node.top_shape_known[index] = true;
  });
}

dlr_error* add_scratch(dlr_context* context, const dlr_scratch_desc* desc, uint32_t* index) {
  return guard([&] {
    LayerNode& node = layer(context);
    ScratchDecl scratch;
    scratch.unless_operator = desc->unless_operator;
    scratch.reserve = desc->reserve != 0;
    scratch.tensor.desc = read_desc(desc->shape, fmt::format("scratch {}", node.scratch.size()));
    *index = static_cast<uint32_t>(node.scratch.size());
    node.scratch.push_back(scratch);
  });
}

dlr_error* add_operator(dlr_context* context, const dlr_op_desc* desc, dlr_string role,
                        uint32_t* index) {
  return guard([&] {
    LayerNode& node = layer(context);
    if (desc->n_post_ops > 0)
      base::fail_work("an operator is described without post-ops: those are the host's to add");
    Operator op;
    op.op = from_abi(desc->op);
    op.role = from_abi(role);
    for (uint32_t i = 0; i < desc->n_attributes; ++i) {
      const dlr_attribute& attribute = *desc->attributes[i];
      op.attribute_names.emplace_back(from_abi(attribute.name));
      op.attribute_integers.emplace_back(attribute.integers,
                                         attribute.integers + attribute.n_integers);
      op.attribute_numbers.push_back(attribute.number);
    }
    for (uint32_t i = 0; i < desc->n_args; ++i) {
      op.args.push_back(read_desc(desc->args[i], fmt::format("argument {} of '{}'", i, op.op)));
    }
    op.accumulate = desc->accumulate != 0;
    *index = static_cast<uint32_t>(node.operators.size());
    node.operators.push_back(std::move(op));
  });
}

void set_cost(dlr_context* context, double flops, double bytes) {
  if (context->layer == nullptr) return;
  context->layer->flops = flops;
  context->layer->bytes = bytes;
}

dlr_tensor* bottom(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::bottoms, index);
}
dlr_tensor* top(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::tops, index);
}
dlr_tensor* bottom_gradient(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::bottom_gradients, index);
}
dlr_tensor* top_gradient(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::top_gradients, index);
}
dlr_tensor* param(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::param_tensors, index);
}
dlr_tensor* param_gradient(dlr_context* context, uint32_t index) {
  return at(context, &LayerNode::param_gradients, index);
}
dlr_tensor* scratch(dlr_context* context, uint32_t index) {
  if (context->layer == nullptr) return nullptr;
  auto& all = context->layer->scratch;
  return index < all.size() && all[index].tensor.buffer != nullptr ? &all[index].tensor : nullptr;
}
const dlr_tensor_desc* describe(const dlr_tensor* tensor) {
  return &tensor->desc;
}

// Tensors that a plugin passed although they are not there ("" gradients) would crash the launch.
void require_tensors(const dlr_arg* args, uint32_t n_args) {
  for (uint32_t i = 0; i < n_args; ++i) {
    if (args[i].reserved != 0)
      base::fail_work(fmt::format("argument {} asks for what this host doesn't know", i));
    if (args[i].access != DLR_SCALAR && args[i].tensor != nullptr &&
        args[i].tensor->buffer == nullptr) {
      base::fail_work(fmt::format("argument {} is a tensor without memory", i));
    }
  }
}

dlr_error* launch(dlr_context* context, const dlr_kernel* kernel, int64_t items, int64_t width,
                  const dlr_arg* args, uint32_t n_args) {
  return guard([&] {
    require_tensors(args, n_args);
    context->executor->require_fit(*kernel, args, n_args);
    context->executor->launch(*kernel, context->dtype, items, width, args, n_args);
  });
}

uint8_t has_operator(dlr_context* context, uint32_t index) {
  if (context->layer == nullptr) return 0;
  const auto& operators = context->layer->operators;
  if (index >= operators.size()) return 0;
  return operators[index].device != nullptr || is_portable(operators[index]) ? 1 : 0;
}

dlr_error* run_operator(dlr_context* context, uint32_t index, const dlr_arg* args,
                        uint32_t n_args) {
  return guard([&] {
    LayerNode& node = layer(context);
    if (index >= node.operators.size())
      base::fail_work(fmt::format("there is no operator {}", index));
    Operator& op = node.operators[index];
    require_tensors(args, n_args);
    if (n_args != op.args.size()) {
      base::fail_work(
          fmt::format("operator '{}' was described with {} arguments and is run with {}", op.op,
                      op.args.size(), n_args));
    }
    if (op.device != nullptr) {
      const dlr_mem reserve = index < node.reserves.size() ? node.reserves[index] : dlr_mem{};
      context->executor->run(op, args, n_args, reserve);
    } else if (is_portable(op)) {
      run_portable(*context->executor, context->dtype, op, args);
    } else {
      base::fail_work(fmt::format("operator '{}' was not planned ({})", op.op, op.declined));
    }
  });
}

dlr_error* map(dlr_context* context, dlr_tensor* tensor, uint32_t access, void** address) {
  return guard([&] {
    if (tensor == nullptr || tensor->buffer == nullptr)
      base::fail_work("map of a tensor that isn't there");
    *address = context->executor->map(*tensor, access);
  });
}

dlr_error* fill(dlr_context* context, dlr_tensor* tensor, const dlr_params* filler) {
  return guard([&] {
    LayerNode& node = layer(context);
    if (!node.fill) base::fail_work("no fillers here");
    node.fill(*tensor, *filler);
  });
}

}  // namespace

const dlr_context_api* context_api() {
  static constexpr dlr_context_api kApi = {sizeof(dlr_context_api),
                                           name,
                                           n_bottoms,
                                           n_tops,
                                           dtype,
                                           is_training,
                                           may_run_backward,
                                           random_key,
                                           bottom_desc,
                                           top_desc,
                                           set_facts,
                                           set_bottom_facts,
                                           set_top_facts,
                                           add_param,
                                           set_top,
                                           add_scratch,
                                           add_operator,
                                           set_cost,
                                           bottom,
                                           top,
                                           bottom_gradient,
                                           top_gradient,
                                           param,
                                           param_gradient,
                                           scratch,
                                           describe,
                                           launch,
                                           has_operator,
                                           run_operator,
                                           map,
                                           fill};
  return &kApi;
}

}  // namespace dlrun::net
