// Batch normalisation by cuDNN, whose own has a scale and a shift for each channel: ones and zeros
// here. Of the four operators it computes two as docs/operators.md says:
//   forward with given mean and variance  inference
//   backward with the batch's own         its gradient, which finds mean and variance in x again
#include "device.hpp"
#include "plan.hpp"

namespace dlrun::cuda {

namespace {

// x [N,C,s...] as [N,C,S,1].
Shape channels_and_positions(const Shape& shape) {
  return Shape{shape[0], shape[1], shape.count(2, shape.rank())};
}

double accepted_epsilon(const OpView& op) {
  const double epsilon = op.number("epsilon", 1e-5);
  if (epsilon < CUDNN_BN_MIN_EPSILON) throw Declined("cuDNN takes no such small epsilon");
  return epsilon;
}

// Memory of the device for one row of channels, set once.
class ChannelConstants {
 public:
  ChannelConstants(Device& device, uint32_t dtype, int64_t channels, double value)
      : device_(device), mem_(device.allocate(static_cast<uint64_t>(channels) * bytes_of(dtype))) {
    try {
      fill(dtype, static_cast<size_t>(channels), value);
    } catch (...) {
      device_.release(mem_);
      throw;
    }
  }
  ~ChannelConstants() { device_.release(mem_); }
  ChannelConstants(const ChannelConstants&) = delete;
  ChannelConstants& operator=(const ChannelConstants&) = delete;
  const void* get() const { return reinterpret_cast<const void*>(mem_.handle); }

 private:
  void fill(uint32_t dtype, size_t channels, double value) {
    if (dtype == DLR_F64) return send(std::vector<double>(channels, value));
    send(std::vector<float>(channels, static_cast<float>(value)));
  }
  template <class T>
  void send(const std::vector<T>& values) {
    Stream& stream = device_.own_stream();
    copy(stream, device_.space(), mem_,
         {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(values.data()), 0, mem_.bytes}, mem_.bytes);
    stream.finish();
  }

  Device& device_;
  dlr_mem mem_;
};

class BatchNorm : public Plan {
 public:
  BatchNorm(const OpView& op, Device& device)
      : dnn_(device.dnn()),
        dtype_(op.arg(0).dtype),
        channels_(op.shape(0)[1]),
        epsilon_(accepted_epsilon(op)),
        tensor_(tensor_descriptor(dtype_, extents(channels_and_positions(op.shape(0))))),
        row_(tensor_descriptor(dtype_, extents(Shape{1, channels_}))),
        ones_(device, dtype_, channels_, 1) {}

 protected:
  Dnn& dnn_;
  uint32_t dtype_;
  int64_t channels_;
  double epsilon_;
  TensorDescriptor tensor_;
  TensorDescriptor row_;
  ChannelConstants ones_;
  Factor one_{1};
  Factor zero_{0};
};

// x, mean, variance, y
class BatchNormInference final : public BatchNorm {
 public:
  BatchNormInference(const OpView& op, Device& device)
      : BatchNorm(op, device), zeros_(device, dtype_, channels_, 0) {}

  void run(Stream& stream, const Arguments& args) override {
    check_cudnn(cudnn().cudnnBatchNormalizationForwardInference(
                    dnn_.in(stream.get()), CUDNN_BATCHNORM_SPATIAL, one_.of(dtype_),
                    zero_.of(dtype_), tensor_.get(), args[0], tensor_.get(), args[3], row_.get(),
                    ones_.get(), zeros_.get(), args[1], args[2], epsilon_),
                "cudnnBatchNormalizationForwardInference");
  }

 private:
  ChannelConstants zeros_;
};

// x, mean, variance, dy, dx; the gradients of scale and shift go to the workspace.
class BatchNormBackward final : public BatchNorm {
 public:
  BatchNormBackward(const OpView& op, Device& device)
      : BatchNorm(op, device), row_bytes_(row_bytes(channels_ * bytes_of(dtype_))) {
    op.desc().workspace_bytes = 2 * row_bytes_;
  }

  void run(Stream& stream, const Arguments& args) override {
    char* unused = static_cast<char*>(args.workspace());
    check_cudnn(cudnn().cudnnBatchNormalizationBackward(
                    dnn_.in(stream.get()), CUDNN_BATCHNORM_SPATIAL, one_.of(dtype_),
                    zero_.of(dtype_), one_.of(dtype_), zero_.of(dtype_), tensor_.get(), args[0],
                    tensor_.get(), args[3], tensor_.get(), args[4], row_.get(), ones_.get(), unused,
                    unused + row_bytes_, epsilon_, nullptr, nullptr),
                "cudnnBatchNormalizationBackward");
  }

 private:
  // The second row begins as aligned as the first.
  static uint64_t row_bytes(uint64_t bytes) { return (bytes + 255) / 256 * 256; }
  uint64_t row_bytes_;
};

}  // namespace

std::unique_ptr<Plan> plan_batch_norm(const OpView& op, Device& device) {
  const bool is_global = op.integer("global", 0) != 0;
  if (op.op() == "batch_norm_forward") {
    if (!is_global) throw Declined("cuDNN gives the batch's deviation inverted, not its variance");
    return std::make_unique<BatchNormInference>(op, device);
  }
  if (is_global) throw Declined("cuDNN has no gradient with given mean and variance");
  return std::make_unique<BatchNormBackward>(op, device);
}

}  // namespace dlrun::cuda
