// Fusion: an activation that works in place behind an operator is computed by that operator, where
// its device can. The kinds are the devices' business; core only sees two layers that each are one
// operator, the second of them elementwise.
#include <string_view>

#include "core/net/net.hpp"

namespace dlrun::net {
namespace {

constexpr std::string_view kSuffix = "_forward";

// The operator that is a layer's whole forward; null when there is none.
Operator* whole_forward(LayerNode& layer) {
  for (Operator& op : layer.operators) {
    if (op.role == "forward") return &op;
  }
  return nullptr;
}

// What may be fused behind another operator: `NAME_forward` of an elementwise layer, x and y, and
// nothing more to say than alpha.
bool is_activation(const LayerNode& layer, const Operator& op) {
  const bool has_alpha_at_most = op.attribute_names.empty() || (op.attribute_names.size() == 1 &&
                                                                op.attribute_integers[0].empty());
  return layer.facts.elementwise != 0 && has_alpha_at_most && op.args.size() == 2 &&
         op.op.size() > kSuffix.size() && op.op.ends_with(kSuffix);
}

PostOp post_op_of(const Operator& activation) {
  PostOp post;
  post.kind = activation.op.substr(0, activation.op.size() - kSuffix.size());
  if (!activation.attribute_numbers.empty()) post.alpha = activation.attribute_numbers[0];
  return post;
}

}  // namespace

// The stage behind that is nothing but an activation in place on this one's only top, which nobody
// else sees; null when there is none.
Stage* Net::activation_behind(const Stage& stage) const {
  if (stage.tops.size() != 1) return nullptr;
  const Value& made = *values_[static_cast<size_t>(stage.tops[0])];
  if (made.uses.size() != 1) return nullptr;
  Stage& reader = *stages_[static_cast<size_t>(made.uses[0].stage)];
  if (!reader.layer || reader.tops.size() != 1 || reader.bottoms.size() != 1) return nullptr;
  const Value& result = *values_[static_cast<size_t>(reader.tops[0])];
  const bool in_place = result.data.buffer == made.data.buffer;
  return in_place && reader.layer->context.executor == stage.layer->context.executor ? &reader
                                                                                     : nullptr;
}

void Net::fuse_stages() {
  for (const auto& stage : stages_) {
    if (!stage->layer || stage->is_view) continue;
    Operator* op = whole_forward(*stage->layer);
    if (op == nullptr || op->device == nullptr || !op->post_ops.empty()) continue;
    Stage* behind = activation_behind(*stage);
    if (behind == nullptr) continue;
    const Operator* activation = whole_forward(*behind->layer);
    if (activation == nullptr || !is_activation(*behind->layer, *activation)) continue;
    if (stage->layer->context.executor->fuse(*op, post_op_of(*activation)))
      behind->fused_into = stage.get();
  }
}

}  // namespace dlrun::net
