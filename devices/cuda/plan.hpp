// Operators that the device runs otherwise than by portable kernels.
#pragma once

#include <dlrun/device.hpp>

#include <memory>

#include "stream.hpp"

namespace dlrun::cuda {

class Device;

// The arguments of one run, as device addresses.
class Arguments {
 public:
  Arguments(uint64_t space, const dlr_mem* args, uint32_t n_args, const dlr_mem& workspace)
      : space_(space), args_(args), n_args_(n_args), workspace_(workspace) {}

  // Null for an absent one.
  void* operator[](uint32_t index) const {
    return index < n_args_ ? pointer(args_[index]) : nullptr;
  }
  void* workspace() const { return pointer(workspace_); }

 private:
  void* pointer(const dlr_mem& mem) const {
    return reinterpret_cast<void*>(static_cast<uintptr_t>(address_of(mem, space_)));
  }
  uint64_t space_;
  const dlr_mem* args_;
  uint32_t n_args_;
  const dlr_mem& workspace_;
};

class Plan {
 public:
  virtual ~Plan() = default;
  virtual void run(Stream& stream, const Arguments& args) = 0;
};

// Fills in the description's outputs, or throws Declined.
std::unique_ptr<Plan> make_plan(const OpView& op, Device& device);

std::unique_ptr<Plan> plan_gemm(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_convolution_forward(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_convolution_backward_data(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_convolution_backward_weights(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_pooling(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_lrn(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_softmax(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_batch_norm(const OpView& op, Device& device);

}  // namespace dlrun::cuda
