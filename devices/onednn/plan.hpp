// A primitive with its memories, ready to run without allocating; and the operators that become
// one.
#pragma once

#include <dlrun/device.hpp>

#include <memory>
#include <vector>

#include "device.hpp"

namespace dlrun::onednn {

class Plan {
 public:
  virtual ~Plan() = default;
  // Writes the layouts and the bytes that it needs into the operator's description.
  virtual void describe(const OpView& op, Layouts& layouts) const = 0;
  virtual void run(const dlr_mem* args, uint32_t n_args, const dlr_mem& workspace,
                   const dlr_mem& reserve) = 0;
};

// A primitive of oneDNN's. What oneDNN calls its workspace, which a forward leaves to its backward,
// is the operator's reserve.
class PrimitivePlan : public Plan {
 public:
  // `roles` says for each argument of the operator what it is to the primitive (DNNL_ARG_SRC, ...);
  // 0: nothing.
  PrimitivePlan(Device& device, const dnnl::primitive_desc_base& primitive,
                const std::vector<int>& roles);

  void describe(const OpView& op, Layouts& layouts) const override;
  void run(const dlr_mem* args, uint32_t n_args, const dlr_mem& workspace,
           const dlr_mem& reserve) override;
  uint64_t workspace_bytes() const;

 private:
  struct Bound {
    int role;
    dnnl::memory memory;
  };
  int bind(int role, const dnnl::memory::desc& desc);
  void set(int index, const dlr_mem& mem);

  Device& device_;
  dnnl::primitive primitive_;
  std::vector<int> index_;  // of each argument of the operator in bound_, or -1
  int scratch_ = -1;        // index in bound_, or -1
  int reserve_ = -1;        // the same
  std::vector<Bound> bound_;
  std::vector<dnnl_exec_arg_t> exec_;  // the same as the C interface wants it
};

// For every primitive: scratch memory comes from the host.
dnnl::primitive_attr attributes();

// Throws Declined when there is no implementation, or only the reference one, which is slower than
// dlrun's kernels.
bool is_fast(const dnnl::primitive_desc_base& primitive);
void check_fast(const dnnl::primitive_desc_base& primitive, std::string_view op);

// The extents of an operator's argument; throws Declined for an empty one and for other types than
// float32.
Dims extents(const OpView& op, int index);
// A list attribute with one number per spatial axis.
Dims per_axis(const OpView& op, const char* name, size_t axes, int64_t otherwise);

// "relu", "sigmoid" or "tanh"; throws Declined for others.
dnnl::algorithm activation_kind(std::string_view name);

// For a forward operator: its chain of fused activations.
dnnl::primitive_attr fused_attributes(const OpView& op);

// For an operator x, w, bias, y: `first`, and then over y, which lies like `desc`, one more pass
// that adds the bias and runs the chain of fused activations.
std::unique_ptr<Plan> with_bias_behind(const OpView& op, Device& device,
                                       std::unique_ptr<PrimitivePlan> first,
                                       const dnnl::memory::desc& desc);

// Throws Declined unless the operator has as many arguments.
void require_args(const OpView& op, int n_args);

// What is asked of oneDNN for an operand of an operator that takes what it gets: its layout, or
// where that is ANY the usual one.
dnnl::memory::desc followed(const OpView& op, int index, const Device& device);

// The layout in which a convolution of as many channels would leave a tensor [N, C, s...]: what
// operators between convolutions do best in.
dnnl::memory::desc usual_layout(const Device& device, const Dims& dims);

std::unique_ptr<Plan> plan_activation(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_batch_norm(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_concat(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_convolution(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_inner_product(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_lrn(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_pooling(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_reorder(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_softmax(const OpView& op, Device& device);
std::unique_ptr<Plan> plan_sum(const OpView& op, Device& device);

}  // namespace dlrun::onednn
