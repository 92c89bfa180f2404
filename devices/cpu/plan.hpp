// plan.hpp: an operator ready to run, and the table of the operators that this device knows.
#pragma once

#include <dlrun/device.hpp>

#include <memory>

namespace dlrun::cpu {

class Device;

// The memories of one run. Absent ones are null.
class RunArgs {
 public:
  RunArgs(const dlr_mem* args, uint32_t n_args, dlr_mem workspace, dlr_mem reserve)
      : args_(args), n_args_(n_args), workspace_(workspace), reserve_(reserve) {}

  template <class T>
  T* arg(uint32_t index) const {
    return index < n_args_ && args_[index].bytes > 0 ? address<T>(args_[index]) : nullptr;
  }
  char* workspace() const { return address<char>(workspace_); }
  template <class T>
  T* reserve() const {
    return reserve_.bytes > 0 ? address<T>(reserve_) : nullptr;
  }

 private:
  const dlr_mem* args_;
  uint32_t n_args_;
  dlr_mem workspace_;
  dlr_mem reserve_;
};

}  // namespace dlrun::cpu

// The plan that the ABI hands around.
struct dlr_plan {
  virtual ~dlr_plan() = default;
  virtual void run(const dlrun::cpu::RunArgs& args) = 0;
};

namespace dlrun::cpu {

// Lays out a workspace; every piece begins at a multiple of 64 bytes of the workspace.
class WorkspaceLayout {
 public:
  template <class T>
  int64_t add(int64_t elements) {
    const int64_t at = bytes_;
    bytes_ += (elements * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return at;
  }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
};

template <class T>
T* piece(char* workspace, int64_t at) {
  return reinterpret_cast<T*>(workspace + at);
}

// Makes a plan for `op`, fills in the description's outputs, or throws Declined.
std::unique_ptr<dlr_plan> make_plan(const Device& device, dlr_op_desc& op);

// The common type of all arguments, float32 or float64; takes plain layouts where asked to choose.
// Throws Declined.
uint32_t accept_plain_floats(const OpView& op);

// Calls `make.template operator()<T>()` with the type that `dtype` names.
template <class Make>
std::unique_ptr<dlr_plan> for_type(uint32_t dtype, Make&& make) {
  if (dtype == DLR_F64) return make.template operator()<double>();
  return make.template operator()<float>();
}

// One function for each family of operators; each is in the file of its name.
std::unique_ptr<dlr_plan> plan_gemm(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_convolution_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_convolution_backward_data(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_convolution_backward_weights(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_inner_product_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_inner_product_backward_data(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_inner_product_backward_weights(const Device& device,
                                                              const OpView& op);
std::unique_ptr<dlr_plan> plan_pooling_max_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_pooling_max_backward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_pooling_average_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_pooling_average_backward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_lrn_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_lrn_backward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_softmax_forward(const Device& device, const OpView& op);
std::unique_ptr<dlr_plan> plan_softmax_backward(const Device& device, const OpView& op);

// Lets `make` lay out a workspace and asks the host for it.
template <class Make>
std::unique_ptr<dlr_plan> with_workspace(const OpView& op, Make&& make) {
  WorkspaceLayout workspace;
  std::unique_ptr<dlr_plan> plan = make(workspace);
  op.desc().workspace_bytes = static_cast<uint64_t>(workspace.bytes());
  return plan;
}

}  // namespace dlrun::cpu
