// Comparing, numbering and padding of layouts.
#include "layouts.hpp"

#include <numeric>

namespace dlrun::onednn {

namespace {

Dims row_major(const Dims& dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t axis = dims.size(); axis-- > 0; stride *= dims[axis])
    strides[axis] = stride;
  return strides;
}

// Dense, with the axes in this order from the outermost to the innermost.
dnnl::memory::desc ordered_desc(const Dims& dims, const std::vector<size_t>& order) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0; stride *= dims[order[i]])
    strides[order[i]] = stride;
  return {dims, dnnl::memory::data_type::f32, strides};
}

// The stride of an axis with one element has no meaning.
bool same_strides(const Dims& a, const Dims& b, const Dims& extents) {
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] > 1 && a[axis] != b[axis]) return false;
  }
  return true;
}

// How many positions an axis has outside of the inner blocks.
Dims outer_extents(const Blocking& b) {
  Dims extents = b.padded;
  for (size_t i = 0; i < b.inner_axis.size(); ++i) {
    extents[static_cast<size_t>(b.inner_axis[i])] /= b.inner_extent[i];
  }
  return extents;
}

bool same_layout(const dnnl::memory::desc& a, const dnnl::memory::desc& b) {
  const Blocking x = blocking_of(a);
  const Blocking y = blocking_of(b);
  if (!x.readable || !y.readable) return a == b;
  return x.offset == y.offset && x.dims == y.dims && x.padded == y.padded &&
         x.inner_extent == y.inner_extent && x.inner_axis == y.inner_axis &&
         same_strides(x.strides, y.strides, outer_extents(x));
}

// Where positions of one axis lie, in elements: a layout of blocks adds this up over the axes.
Dims places(const Blocking& b, size_t axis) {
  Dims place(static_cast<size_t>(b.padded[axis]));
  for (size_t position = 0; position < place.size(); ++position) {
    int64_t rest = static_cast<int64_t>(position);
    int64_t block_stride = 1;  // of the inner block at hand
    for (size_t i = b.inner_extent.size(); i-- > 0; block_stride *= b.inner_extent[i]) {
      if (b.inner_axis[i] != static_cast<int64_t>(axis)) continue;
      place[position] += rest % b.inner_extent[i] * block_stride;
      rest /= b.inner_extent[i];
    }
    place[position] += rest * b.strides[axis];
  }
  return place;
}

// Zeroes the box of all positions that `tables` list, axis by axis.
void zero_box(const std::vector<Dims>& tables, size_t axis, float* data) {
  if (axis + 1 == tables.size()) {
    for (const int64_t place : tables[axis])
      data[place] = 0;
    return;
  }
  for (const int64_t place : tables[axis])
    zero_box(tables, axis + 1, data + place);
}

}  // namespace

dnnl::memory::desc any_desc(const Dims& dims) {
  return {dims, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any};
}

dnnl::memory::desc plain_desc(const Dims& dims) {
  return {dims, dnnl::memory::data_type::f32, row_major(dims)};
}

dnnl::memory::desc transposed_desc(const Dims& dims) {
  return ordered_desc(dims, {1, 0});
}

dnnl::memory::desc channels_last_desc(const Dims& dims) {
  std::vector<size_t> order(dims.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return ordered_desc(dims, order);
}

dnnl::memory::desc kernel_first_desc(const Dims& dims) {
  std::vector<size_t> order(dims.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::rotate(order.begin(), order.begin() + 2, order.end());
  std::swap(order[order.size() - 2], order[order.size() - 1]);
  return ordered_desc(dims, order);
}

dnnl::memory::desc channel_vectors_desc(const Dims& dims, const ChannelVectors& kind) {
  using Tag = dnnl::memory::format_tag;
  if (!kind.blocked) return channels_last_desc(dims);
  const bool two_axes = dims.size() == 4;
  const Tag blocks8 = two_axes ? Tag::aBcd8b : Tag::aBc8b;
  const Tag blocks16 = two_axes ? Tag::aBcd16b : Tag::aBc16b;
  return {dims, dnnl::memory::data_type::f32, kind.width == 8 ? blocks8 : blocks16};
}

ChannelVectors channel_vectors(const dnnl::memory::desc& desc) {
  const Dims dims = dims_of(desc);
  if (dims.size() < 3 || dims.size() > 4) return {};
  const auto blocks = [&](int64_t width) { return (dims[1] + width - 1) / width; };
  const ChannelVectors kinds[] = {
      {dims[0], dims[1], false}, {dims[0] * blocks(8), 8, true}, {dims[0] * blocks(16), 16, true}};
  for (const ChannelVectors& kind : kinds) {
    if (same_layout(desc, channel_vectors_desc(dims, kind))) return kind;
  }
  return {};
}

bool has_padding(const dnnl::memory::desc& desc) {
  const Blocking b = blocking_of(desc);
  return b.readable && b.padded != b.dims;
}

bool is_plain(const dnnl::memory::desc& desc) {
  const Blocking b = blocking_of(desc);
  return b.readable && b.offset == 0 && b.inner_axis.empty() && b.padded == b.dims &&
         same_strides(b.strides, row_major(b.dims), b.dims);
}

void zero_padding(const dnnl::memory::desc& desc, float* data) {
  const Blocking b = blocking_of(desc);
  if (!b.readable)
    throw Error("a layout that only oneDNN knows can't be padded", DLR_INTERNAL_ERROR);
  std::vector<Dims> tables;
  for (size_t axis = 0; axis < b.dims.size(); ++axis)
    tables.push_back(places(b, axis));
  // For each padded axis: its padding, over what earlier turns left of the axes before it.
  for (size_t axis = 0; axis < b.dims.size(); ++axis) {
    const auto end = tables[axis].begin() + b.dims[axis];
    std::vector<Dims> box = tables;
    box[axis].assign(end, tables[axis].end());
    if (!box[axis].empty()) zero_box(box, 0, data + b.offset);
    tables[axis].erase(end, tables[axis].end());
  }
}

dnnl::memory::desc Layouts::wanted(const dlr_tensor_desc& tensor, const Dims& dims,
                                   const dnnl::memory::desc& any) const {
  if (tensor.layout == DLR_LAYOUT_PLAIN) return plain_desc(dims);
  if (tensor.layout == DLR_LAYOUT_ANY) return any;
  const dnnl::memory::desc& desc = of(tensor.layout);
  if (dims_of(desc) != dims) throw Declined("the layout at hand is of a tensor of another shape");
  return desc;
}

const dnnl::memory::desc& Layouts::of(uint64_t layout) const {
  if (layout == DLR_LAYOUT_PLAIN || layout > known_.size()) {
    throw Error("onednn has no layout " + std::to_string(layout), DLR_INTERNAL_ERROR);
  }
  return known_[layout - 1];
}

uint64_t Layouts::number(const dnnl::memory::desc& desc) {
  if (is_plain(desc)) return DLR_LAYOUT_PLAIN;
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&](const auto& known) { return same_layout(known, desc); });
  if (found != known_.end()) return static_cast<uint64_t>(found - known_.begin()) + 1;
  known_.push_back(desc);
  return known_.size();
}

}  // namespace dlrun::onednn
