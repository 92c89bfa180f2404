// Several tensors into one: their sum, and their concatenation along an axis. All lie as the first
// one does.
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

int n_parts(const OpView& op) {
  if (op.n_args() < 2) throw Declined(std::string(op.op()) + " takes at least 2 arguments");
  return op.n_args() - 1;
}

template <class Primitive>
std::unique_ptr<Plan> planned(const OpView& op, Device& device, const Primitive& primitive) {
  check_fast(primitive, op.op());
  std::vector<int> roles;
  for (int i = 0; i < n_parts(op); ++i)
    roles.push_back(DNNL_ARG_MULTIPLE_SRC + i);
  roles.push_back(DNNL_ARG_DST);
  return std::make_unique<PrimitivePlan>(device, primitive, roles);
}

}  // namespace

std::unique_ptr<Plan> plan_sum(const OpView& op, Device& device) {
  const dnnl::memory::desc x = followed(op, 0, device);
  const std::vector<dnnl::memory::desc> parts(static_cast<size_t>(n_parts(op)), x);
  return planned(op, device, describe_sum(device.engine(), attributes(), x, parts));
}

// A part whose channels end within a block can't be joined in blocks: the concatenation is of plain
// tensors then.
std::unique_ptr<Plan> plan_concat(const OpView& op, Device& device) {
  const int n = n_parts(op);
  std::vector<dnnl::memory::desc> parts;
  for (int i = 0; i < n; ++i)
    parts.push_back(followed(op, i, device));
  const ChannelVectors kind = channel_vectors(parts[0]);
  const Dims y_dims = extents(op, n);
  bool alike = kind.width > 0;
  for (const dnnl::memory::desc& part : parts) {
    const ChannelVectors other = channel_vectors(part);
    alike = alike && other.blocked && other.width == kind.width && !has_padding(part);
  }
  if (!alike) throw Declined("the host joins plain tensors as well");
  const dnnl::memory::desc y = channel_vectors_desc(y_dims, kind);
  const auto axis = static_cast<int>(op.integer("axis", 1));
  return planned(op, device, describe_concat(device.engine(), attributes(), y, axis, parts));
}

}  // namespace dlrun::onednn
