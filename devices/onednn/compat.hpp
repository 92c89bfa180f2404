// What differs between oneDNN 2 and 3: how primitives are described, and how a memory's layout is
// read.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <vector>

namespace dlrun::onednn {

using Dims = dnnl::memory::dims;

// The layout of a memory, if it is one of blocks: element p lies at the sum over the axes of p /
// block * stride plus its place within the innermost blocks.
struct Blocking {
  bool readable;  // false: of a kind that only oneDNN understands
  int64_t offset;
  Dims dims;
  Dims padded;        // extents rounded up to whole blocks
  Dims strides;       // of the outer parts, in elements
  Dims inner_extent;  // of each inner block, outermost first
  Dims inner_axis;
};

// Local response normalisation across channels.
struct Lrn {
  int64_t size;
  float alpha, beta, k;
};
inline constexpr dnnl::algorithm kLrnKind = dnnl::algorithm::lrn_across_channels;

#if DNNL_VERSION_MAJOR >= 3

// Empty when oneDNN has no implementation.
template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe_forward(const dnnl::engine& engine,
                                                    const dnnl::primitive_attr& attributes,
                                                    const Arguments&... arguments) {
  return {engine, arguments..., attributes, true};
}

template <class Primitive, class Hint, class... Arguments>
typename Primitive::primitive_desc describe_backward(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attributes,
                                                     const Hint& forward,
                                                     const Arguments&... arguments) {
  return {engine, arguments..., forward, attributes, true};
}

inline dnnl::lrn_forward::primitive_desc describe_lrn(const dnnl::engine& engine,
                                                      const dnnl::primitive_attr& attributes,
                                                      dnnl::prop_kind kind,
                                                      const dnnl::memory::desc& x, const Lrn& lrn) {
  return {engine, kind, kLrnKind, x, x, lrn.size, lrn.alpha, lrn.beta, lrn.k, attributes, true};
}

inline dnnl::lrn_backward::primitive_desc describe_lrn_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::lrn_forward::primitive_desc& forward, const dnnl::memory::desc& x, const Lrn& lrn) {
  return {engine,    kLrnKind, x,     x,       x,          lrn.size,
          lrn.alpha, lrn.beta, lrn.k, forward, attributes, true};
}

inline dnnl::batch_normalization_forward::primitive_desc describe_batch_norm(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, const dnnl::memory::desc& x,
    float epsilon, dnnl::normalization_flags flags) {
  return {engine, dnnl::prop_kind::forward_training, x, x, epsilon, flags, attributes, true};
}

inline dnnl::batch_normalization_backward::primitive_desc describe_batch_norm_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::batch_normalization_forward::primitive_desc& forward, const dnnl::memory::desc& x,
    float epsilon, dnnl::normalization_flags flags) {
  return {engine, dnnl::prop_kind::backward_data, x, x, x, epsilon, flags, forward, attributes,
          true};
}

inline dnnl::eltwise_forward::primitive_desc describe_eltwise(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, dnnl::algorithm kind,
    const dnnl::memory::desc& x, float alpha) {
  return {engine, dnnl::prop_kind::forward_inference, kind, x, x, alpha, 0.0F, attributes, true};
}

inline dnnl::softmax_forward::primitive_desc describe_softmax(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, const dnnl::memory::desc& x,
    int axis) {
  return {engine,
          dnnl::prop_kind::forward_training,
          dnnl::algorithm::softmax_accurate,
          x,
          x,
          axis,
          attributes,
          true};
}

inline dnnl::softmax_backward::primitive_desc describe_softmax_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::softmax_forward::primitive_desc& forward, const dnnl::memory::desc& x, int axis) {
  return {engine, dnnl::algorithm::softmax_accurate, x, x, x, axis, forward, attributes, true};
}

inline dnnl::sum::primitive_desc describe_sum(const dnnl::engine& engine,
                                              const dnnl::primitive_attr& attributes,
                                              const dnnl::memory::desc& y,
                                              const std::vector<dnnl::memory::desc>& parts) {
  return {engine, y, std::vector<float>(parts.size(), 1.0F), parts, attributes};
}

inline dnnl::concat::primitive_desc describe_concat(const dnnl::engine& engine,
                                                    const dnnl::primitive_attr& attributes,
                                                    const dnnl::memory::desc& y, int axis,
                                                    const std::vector<dnnl::memory::desc>& parts) {
  return {engine, y, axis, parts, attributes};
}

inline void append_eltwise(dnnl::post_ops& post_ops, dnnl::algorithm kind, float alpha) {
  post_ops.append_eltwise(kind, alpha, 0);
}

inline Dims dims_of(const dnnl::memory::desc& desc) {
  return desc.get_dims();
}

inline Blocking blocking_of(const dnnl::memory::desc& desc) {
  if (desc.get_format_kind() != dnnl::memory::format_kind::blocked) return {};
  return {true,
          desc.get_submemory_offset(),
          desc.get_dims(),
          desc.get_padded_dims(),
          desc.get_strides(),
          desc.get_inner_blks(),
          desc.get_inner_idxs()};
}

#else

template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe_forward(const dnnl::engine& engine,
                                                    const dnnl::primitive_attr& attributes,
                                                    const Arguments&... arguments) {
  return {typename Primitive::desc(arguments...), attributes, engine, true};
}

template <class Primitive, class Hint, class... Arguments>
typename Primitive::primitive_desc describe_backward(const dnnl::engine& engine,
                                                     const dnnl::primitive_attr& attributes,
                                                     const Hint& forward,
                                                     const Arguments&... arguments) {
  return {typename Primitive::desc(arguments...), attributes, engine, forward, true};
}

inline dnnl::lrn_forward::primitive_desc describe_lrn(const dnnl::engine& engine,
                                                      const dnnl::primitive_attr& attributes,
                                                      dnnl::prop_kind kind,
                                                      const dnnl::memory::desc& x, const Lrn& lrn) {
  return describe_forward<dnnl::lrn_forward>(engine, attributes, kind, kLrnKind, x, lrn.size,
                                             lrn.alpha, lrn.beta, lrn.k);
}

inline dnnl::lrn_backward::primitive_desc describe_lrn_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::lrn_forward::primitive_desc& forward, const dnnl::memory::desc& x, const Lrn& lrn) {
  return describe_backward<dnnl::lrn_backward>(engine, attributes, forward, kLrnKind, x, x,
                                               lrn.size, lrn.alpha, lrn.beta, lrn.k);
}

inline dnnl::batch_normalization_forward::primitive_desc describe_batch_norm(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, const dnnl::memory::desc& x,
    float epsilon, dnnl::normalization_flags flags) {
  return describe_forward<dnnl::batch_normalization_forward>(
      engine, attributes, dnnl::prop_kind::forward_training, x, epsilon, flags);
}

inline dnnl::batch_normalization_backward::primitive_desc describe_batch_norm_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::batch_normalization_forward::primitive_desc& forward, const dnnl::memory::desc& x,
    float epsilon, dnnl::normalization_flags flags) {
  return describe_backward<dnnl::batch_normalization_backward>(
      engine, attributes, forward, dnnl::prop_kind::backward_data, x, x, epsilon, flags);
}

inline dnnl::eltwise_forward::primitive_desc describe_eltwise(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, dnnl::algorithm kind,
    const dnnl::memory::desc& x, float alpha) {
  return describe_forward<dnnl::eltwise_forward>(
      engine, attributes, dnnl::prop_kind::forward_inference, kind, x, alpha, 0.0F);
}

inline dnnl::softmax_forward::primitive_desc describe_softmax(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, const dnnl::memory::desc& x,
    int axis) {
  return describe_forward<dnnl::softmax_forward>(engine, attributes,
                                                 dnnl::prop_kind::forward_training, x, axis);
}

inline dnnl::softmax_backward::primitive_desc describe_softmax_backward(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes,
    const dnnl::softmax_forward::primitive_desc& forward, const dnnl::memory::desc& x, int axis) {
  return describe_backward<dnnl::softmax_backward>(engine, attributes, forward, x, x, axis);
}

inline dnnl::sum::primitive_desc describe_sum(const dnnl::engine& engine,
                                              const dnnl::primitive_attr& attributes,
                                              const dnnl::memory::desc& y,
                                              const std::vector<dnnl::memory::desc>& parts) {
  return {y, std::vector<float>(parts.size(), 1.0F), parts, engine, attributes};
}

inline dnnl::concat::primitive_desc describe_concat(const dnnl::engine& engine,
                                                    const dnnl::primitive_attr& attributes,
                                                    const dnnl::memory::desc& y, int axis,
                                                    const std::vector<dnnl::memory::desc>& parts) {
  return {y, axis, parts, engine, attributes};
}

inline void append_eltwise(dnnl::post_ops& post_ops, dnnl::algorithm kind, float alpha) {
  post_ops.append_eltwise(1.0F, kind, alpha, 0);
}

inline Dims dims_of(const dnnl::memory::desc& desc) {
  return desc.dims();
}

inline Blocking blocking_of(const dnnl::memory::desc& desc) {
  const dnnl_memory_desc_t& c = desc.data;
  if (c.format_kind != dnnl_blocked || c.extra.flags != 0) return {};
  const dnnl_blocking_desc_t& blocks = c.format_desc.blocking;
  const auto copied = [](const int64_t* from, int n) { return Dims(from, from + n); };
  return {true,
          c.offset0,
          copied(c.dims, c.ndims),
          copied(c.padded_dims, c.ndims),
          copied(blocks.strides, c.ndims),
          copied(blocks.inner_blks, blocks.inner_nblks),
          copied(blocks.inner_idxs, blocks.inner_nblks)};
}

#endif

}  // namespace dlrun::onednn
