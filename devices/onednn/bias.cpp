// A bias behind a primitive that knows none: a convolution's gradient by data, as the forward of a
// transposed convolution.
//
// oneDNN's own primitive for those, deconvolution, isn't used: version 2.6 computes their bias and
// activation by reference code, which takes longer than this pass (docs/decisions/
// deconvolution-forward.md).
#include <algorithm>

#include "plan.hpp"

namespace dlrun::onednn {

namespace {

constexpr int kBias = 2;
constexpr int kY = 3;

class BiasBehind final : public Plan {
 public:
  BiasBehind(Device& device, std::unique_ptr<PrimitivePlan> first,
             const dnnl::primitive_desc_base& adds)
      : first_(std::move(first)),
        adds_(device, adds, {DNNL_ARG_SRC_0, DNNL_ARG_SRC_1, DNNL_ARG_DST}) {}

  void describe(const OpView& op, Layouts& layouts) const override {
    first_->describe(op, layouts);
    op.arg(kBias).layout = DLR_LAYOUT_PLAIN;
    uint64_t& bytes = op.desc().workspace_bytes;
    bytes = std::max(bytes, adds_.workspace_bytes());
  }

  void run(const dlr_mem* args, uint32_t n_args, const dlr_mem& workspace,
           const dlr_mem& reserve) override {
    first_->run(args, n_args, workspace, reserve);
    const dlr_mem in_place[] = {args[kY], args[kBias], args[kY]};
    adds_.run(in_place, 3, workspace, {});
  }

 private:
  std::unique_ptr<PrimitivePlan> first_;
  PrimitivePlan adds_;
};

// A bias as [1, C, 1...] next to tensors that lie like `desc`. Where those have channels in blocks,
// oneDNN is fast only when the bias has them too; of whole blocks that is the same memory.
dnnl::memory::desc bias_like(const dnnl::memory::desc& desc, int64_t channels) {
  using Tag = dnnl::memory::format_tag;
  constexpr Tag kBlocks8[] = {Tag::aBc8b, Tag::aBcd8b, Tag::aBcde8b};
  constexpr Tag kBlocks16[] = {Tag::aBc16b, Tag::aBcd16b, Tag::aBcde16b};
  const Blocking blocking = blocking_of(desc);
  Dims dims(blocking.dims.size(), 1);
  dims[1] = channels;
  const int64_t block = blocking.inner_axis == Dims{1} ? blocking.inner_extent[0] : 0;
  if ((block != 8 && block != 16) || channels % block != 0) return plain_desc(dims);
  const Tag* tags = block == 8 ? kBlocks8 : kBlocks16;
  return {dims, dnnl::memory::data_type::f32, tags[dims.size() - 3]};
}

}  // namespace

std::unique_ptr<Plan> with_bias_behind(const OpView& op, Device& device,
                                       std::unique_ptr<PrimitivePlan> first,
                                       const dnnl::memory::desc& desc) {
  const auto adds = describe_forward<dnnl::binary>(device.engine(), fused_attributes(op),
                                                   dnnl::algorithm::binary_add, desc,
                                                   bias_like(desc, extents(op, kY)[1]), desc);
  check_fast(adds, "sum of a bias");
  return std::make_unique<BiasBehind>(device, std::move(first), adds);
}

}  // namespace dlrun::onednn
