// What the three directions of convolution share: descriptors, and the choice of an algorithm.
#pragma once

#include <algorithm>
#include <string>

#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

// Descriptors of x [N,C,s...], w [K,C/G,k...], y [N,K,o...] and biases; declines what cuDNN doesn't
// compute in this way.
struct ConvolutionTensors {
  ConvolutionTensors(const OpView& op, const Shape& x_shape, const Shape& w_shape,
                     const Shape& y_shape);

  uint32_t dtype;
  TensorDescriptor x;
  FilterDescriptor w;
  TensorDescriptor y;
  TensorDescriptor bias;    // of y's channels
  TensorDescriptor x_bias;  // of x's: that of a transposed convolution
  ConvolutionDescriptor convolution;
};

// As many as cuDNN may know, of any direction.
constexpr int kMostAlgorithms = 16;

// Of what cuDNN's heuristics found, fastest first: the first deterministic one whose workspace is
// small enough, or else the first other one. `bytes_of(algorithm, &bytes)` asks for the workspace.
template <class Found, class Bytes>
auto choose_algorithm(const Found* found, int count, uint64_t limit, Bytes&& bytes_of) {
  for (const bool deterministic : {true, false}) {
    for (const Found* each = found; each != found + count; ++each) {
      // Products in less than the operands' precision were not asked for.
      const bool exact = each->mathType == CUDNN_DEFAULT_MATH || each->mathType == CUDNN_FMA_MATH;
      if (each->status != CUDNN_STATUS_SUCCESS || !exact) continue;
      if (deterministic && each->determinism != CUDNN_DETERMINISTIC) continue;
      size_t bytes = 0;
      const cudnnStatus_t status = bytes_of(each->algo, &bytes);
      if (status == CUDNN_STATUS_NOT_SUPPORTED) continue;
      check_cudnn(status, "asking for the workspace of a convolution");
      if (bytes <= limit) return std::pair(each->algo, bytes);
    }
  }
  throw Declined("cuDNN knows no algorithm with a workspace of " + std::to_string(limit) +
                 " bytes or less");
}

// The old values' part in an output, as asked for; accepts what was asked.
double accept_accumulate(const OpView& op);

}  // namespace dlrun::cuda
