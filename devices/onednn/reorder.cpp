// Conversion between layouts. Nobody else can do it, so oneDNN's reference code will do as well.
#include "plan.hpp"

namespace dlrun::onednn {

std::unique_ptr<Plan> plan_reorder(const OpView& op, Device& device) {
  if (op.n_args() != 2) throw Error("reorder takes 2 arguments", DLR_INTERNAL_ERROR);
  if (op.arg(0).dtype != DLR_F32 || op.arg(1).dtype != DLR_F32)
    throw Declined("onednn's layouts are of float32");
  if (op.shape(0) != op.shape(1)) throw Declined("two tensors of different shape");
  // A layout knows its extents in oneDNN's eyes, and plain order means the same elements in any of
  // them.
  const Layouts& layouts = device.layouts();
  const uint64_t from = op.arg(0).layout;
  const uint64_t to = op.arg(1).layout;
  if (from == DLR_LAYOUT_PLAIN && to == DLR_LAYOUT_PLAIN) throw Declined("two plain layouts");
  const Dims dims = dims_of(layouts.of(from == DLR_LAYOUT_PLAIN ? to : from));
  const dnnl::reorder::primitive_desc primitive(
      device.engine(), layouts.wanted(op.arg(0), dims, plain_desc(dims)), device.engine(),
      layouts.wanted(op.arg(1), dims, plain_desc(dims)), attributes(), true);
  if (!primitive) throw Declined("oneDNN has no such conversion");
  return std::make_unique<PrimitivePlan>(device, primitive,
                                         std::vector<int>{DNNL_ARG_FROM, DNNL_ARG_TO});
}

}  // namespace dlrun::onednn
