// Layouts: oneDNN's descriptions of memory behind the 64-bit numbers that the host sees.
#pragma once

#include <dlrun/device.hpp>

#include <vector>

#include "compat.hpp"

namespace dlrun::onednn {

// Leaves the layout to oneDNN.
dnnl::memory::desc any_desc(const Dims& dims);
// Row-major float32 without padding.
dnnl::memory::desc plain_desc(const Dims& dims);

// Of two axes, the second one outermost.
dnnl::memory::desc transposed_desc(const Dims& dims);

// Row-major but for the channels (axis 1), which come last; without padding.
dnnl::memory::desc channels_last_desc(const Dims& dims);

// Of weights [K, C, k...]: the kernel's axes first, then C, then K.
dnnl::memory::desc kernel_first_desc(const Dims& dims);

// How a tensor [N, C, s...] lies as dense [planes, s..., width], where `width` channels are
// together: all of them (a plane is an image) or a block of them. No width: it lies otherwise.
struct ChannelVectors {
  int64_t planes;
  int64_t width;
  bool blocked;
};
ChannelVectors channel_vectors(const dnnl::memory::desc& desc);
// The layout of the same kind of a tensor of other spatial extents.
dnnl::memory::desc channel_vectors_desc(const Dims& dims, const ChannelVectors& kind);

// Whether the layout takes more elements than the tensor has.
bool has_padding(const dnnl::memory::desc& desc);

// Whether every element lies where it does in row-major order, however oneDNN calls that.
bool is_plain(const dnnl::memory::desc& desc);

// Writes zeros to the elements of a layout that lie outside of the tensor's extents.
void zero_padding(const dnnl::memory::desc& desc, float* data);

// The layouts that the plans of one device have chosen. A number is good as long as the device is
// open.
class Layouts {
 public:
  // What oneDNN is asked for by an operand of this layout; `any` where it is declared ANY. `dims`
  // are its extents in oneDNN's eyes.
  dnnl::memory::desc wanted(const dlr_tensor_desc& tensor, const Dims& dims,
                            const dnnl::memory::desc& any) const;
  const dnnl::memory::desc& of(uint64_t layout) const;
  // Plain, or the number of this layout; the same for the same layout.
  uint64_t number(const dnnl::memory::desc& desc);

 private:
  std::vector<dnnl::memory::desc> known_;  // layout n is at n - 1
};

}  // namespace dlrun::onednn
