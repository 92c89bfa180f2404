// What differs between oneDNN 2 and 3: how primitives are described, and how a memory's layout is
// read.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>

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
