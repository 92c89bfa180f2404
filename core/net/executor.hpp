// Runs kernels and operators for one layer (or the solver) on the device it was placed on: finds
// the right copy of every tensor, in the right layout, and marks what was written.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <dlrun/abi.h>

#include "core/memory/buffer.hpp"
#include "core/memory/device.hpp"
#include "core/net/kernel_signature.hpp"

namespace dlrun::net {

// The devices of one job. `primary` may be the host device itself; `named`: those that single
// layers ask for, as they write it.
struct Devices {
  std::shared_ptr<memory::Device> host;
  std::shared_ptr<memory::Device> primary;
  std::map<std::string, std::shared_ptr<memory::Device>> named;
};

// What an operator does to its output behind its own work: {"relu", alpha = slope}.
struct PostOp {
  std::string kind;
  double alpha = 0;
};

// An operator as described by a layer, and its plan once there is a device.
struct Operator {
  std::string op;
  std::string role;
  std::vector<std::string> attribute_names;
  std::vector<std::vector<int64_t>> attribute_integers;
  std::vector<double> attribute_numbers;
  std::vector<dlr_tensor_desc> args;
  std::vector<PostOp> post_ops;  // fused behind it
  bool accumulate = false;

  memory::Device* device = nullptr;  // that planned it; null: declined
  std::unique_ptr<memory::Plan> plan;
  std::string declined;  // the reason of every device asked
  uint64_t workspace_bytes = 0;
  dlr_mem workspace{};  // shared with other operators on its device
  uint64_t reserve_bytes = 0;
  bool has_run = false;

  // An integer attribute's first value.
  int64_t integer(const std::string& name, int64_t otherwise) const;
  double number(const std::string& name, double otherwise) const;
};

class Executor {
 public:
  Executor(memory::Device& device, memory::Device& host) : device_(device), host_(host) {}

  memory::Device& device() const { return device_; }
  memory::Device& host() const { return host_; }
  // Where kernels run: on the device, or for one without kernels of its own on the host's.
  memory::Device& kernel_device() const;
  // Where plain copies lie for work on `device`.
  memory::Device& plain_place(memory::Device& device) const;

  void launch(const dlr_kernel& kernel, uint32_t dtype, int64_t items, int64_t width,
              const dlr_arg* args, uint32_t n_args);
  // Throws unless the arguments are what the kernel takes.
  void require_fit(const dlr_kernel& kernel, const dlr_arg* args, uint32_t n_args) {
    signatures_.require_fit(kernel, args, n_args);
  }
  // Asks the device, then (where the host runs its kernels) the host device. Leaves op.device null
  // when all decline.
  void plan(Operator& op);
  void plan_on_host(Operator& op);
  // Plans a planned operator anew with one more post-op, on its device and in the layouts it has.
  // False: the device declines, and the operator is as before.
  bool fuse(Operator& op, const PostOp& post);
  void run(Operator& op, const dlr_arg* args, uint32_t n_args, dlr_mem reserve);
  // A plain copy in host memory.
  void* map(const dlr_tensor& tensor, uint32_t access);

  // From now on everything happens but the kernels and operators themselves: what is left is the
  // time that dlrun takes to issue them.
  void skip_work() { skips_work_ = true; }

 private:
  const dlr_tensor_desc* shared_private_layout(const dlr_arg* args, uint32_t n_args,
                                               int64_t items) const;
  void launch_elementwise_private(const dlr_kernel& kernel, uint32_t dtype,
                                  const dlr_tensor_desc& layout, const dlr_arg* args,
                                  uint32_t n_args);
  bool try_plan(Operator& op, memory::Device& device);

  memory::Device& device_;
  memory::Device& host_;
  KernelSignatures signatures_;
  bool skips_work_ = false;
};

}  // namespace dlrun::net
