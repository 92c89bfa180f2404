#include "core/net/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/base/error.hpp"
#include "core/host/error.hpp"

namespace dlrun::net {
namespace {

using memory::Residence;

constexpr uint32_t kMostArgs = DLR_MAX_ARGS;

void require_few(uint32_t n_args) {
  if (n_args > kMostArgs)
    base::fail_work(
        fmt::format("a launch has {} arguments, at most {} are possible", n_args, kMostArgs));
}

// Calls use(i) for arguments that are read, then for those that are only written: an output that
// shares its input's buffer must not invalidate it first.
template <class Use>
void reads_before_writes(const dlr_arg* args, uint32_t n_args, Use&& use) {
  for (const bool writing : {false, true}) {
    for (uint32_t i = 0; i < n_args; ++i) {
      if (args[i].tensor != nullptr && (args[i].access == DLR_WRITE) == writing) use(i);
    }
  }
}

// A memory from an element on.
void skip(dlr_mem& mem, int64_t elements, uint32_t dtype) {
  const uint64_t bytes = static_cast<uint64_t>(elements) * memory::bytes_of(dtype);
  if (elements < 0 || bytes > mem.bytes)
    base::fail_work(fmt::format("an argument begins at element {}, outside its tensor", elements));
  mem.offset += bytes;
  mem.bytes -= bytes;
}

// What no device is asked to plan; "" for the rest.
std::string unplannable(const Operator& op) {
  if (op.args.size() > kMostArgs)
    return fmt::format("{} arguments, at most {} are possible", op.args.size(), kMostArgs);
  const bool has_empty = std::any_of(op.args.begin(), op.args.end(), [](const auto& arg) {
    return arg.dtype != 0 && memory::element_count(arg) == 0;
  });
  return has_empty ? "a tensor is empty" : "";
}

// What a device must not answer; "" when it didn't.
std::string wrong_plan(const Operator& op, const std::vector<dlr_tensor_desc>& chosen,
                       const dlr_op_desc& desc) {
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i].dtype != 0 && chosen[i].layout == DLR_LAYOUT_ANY)
      return fmt::format("chose no layout for argument {}", i);
  }
  if (desc.reserve_bytes > 0 && op.integer("pair", -1) < 0)
    return "asks for a reserve, which only operators with the attribute 'pair' have";
  return "";
}

bool needs_wide_index(const dlr_arg* args, uint32_t n_args, int64_t items, int64_t width) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (width > 0 && items > kMost / width) return true;
  for (uint32_t i = 0; i < n_args; ++i) {
    if (args[i].tensor != nullptr && memory::element_count(args[i].tensor->desc) > kMost)
      return true;
  }
  return false;
}

}  // namespace

int64_t Operator::integer(const std::string& name, int64_t otherwise) const {
  for (size_t i = 0; i < attribute_names.size(); ++i) {
    if (attribute_names[i] == name && !attribute_integers[i].empty())
      return attribute_integers[i][0];
  }
  return otherwise;
}

double Operator::number(const std::string& name, double otherwise) const {
  for (size_t i = 0; i < attribute_names.size(); ++i) {
    if (attribute_names[i] == name) return attribute_numbers[i];
  }
  return otherwise;
}

memory::Device& Executor::kernel_device() const {
  return device_.has_kernels() ? device_ : host_;
}

memory::Device& Executor::plain_place(memory::Device& device) const {
  return device.works_in_host_memory() ? host_ : device;
}

void Executor::launch(const dlr_kernel& kernel, uint32_t dtype, int64_t items, int64_t width,
                      const dlr_arg* args, uint32_t n_args) {
  require_few(n_args);
  if (items <= 0 || width <= 0) return;
  if (kernel.elementwise != 0) {
    if (const dlr_tensor_desc* layout = shared_private_layout(args, n_args, items)) {
      const dlr_tensor_desc chosen = *layout;
      return launch_elementwise_private(kernel, dtype, chosen, args, n_args);
    }
  }
  memory::Device& runner = kernel_device();
  memory::Device& place = plain_place(runner);
  std::array<dlr_kernel_arg, kMostArgs> flat;
  for (uint32_t i = 0; i < n_args; ++i)
    flat[i] = {{}, args[i].real, args[i].integer};
  reads_before_writes(args, n_args, [&](uint32_t i) {
    Residence residence{&place, args[i].tensor->desc};
    residence.desc.layout = DLR_LAYOUT_PLAIN;
    flat[i].mem = args[i].tensor->buffer->use(residence, args[i].access);
    skip(flat[i].mem, args[i].integer, residence.desc.dtype);
  });
  const uint32_t index_bits = needs_wide_index(args, n_args, items, width) ? 64 : 32;
  if (skips_work_) return;
  runner.launch(kernel, dtype, index_bits, items, width, flat.data(), n_args);
}

// The layout for an elementwise kernel to run over: the one that needs the fewest conversions of
// what it reads. Null for plain, which wins ties.
const dlr_tensor_desc* Executor::shared_private_layout(const dlr_arg* args, uint32_t n_args,
                                                       int64_t items) const {
  if (!device_.works_in_host_memory() && !device_.has_kernels()) return nullptr;
  const dlr_tensor_desc* first = nullptr;
  for (uint32_t i = 0; i < n_args; ++i) {
    if (args[i].tensor == nullptr) continue;
    const dlr_tensor_desc& desc = args[i].tensor->desc;
    if (first == nullptr) first = &desc;
    if (!memory::same_shape(*first, desc) || args[i].integer != 0) return nullptr;
  }
  if (first == nullptr || memory::element_count(*first) != items) return nullptr;

  const auto conversions = [&](const Residence& residence) {
    int n = 0;
    for (uint32_t i = 0; i < n_args; ++i) {
      if (args[i].tensor == nullptr || args[i].access == DLR_WRITE) continue;
      if (!args[i].tensor->buffer->is_current(residence)) ++n;
    }
    return n;
  };
  Residence plain{&plain_place(kernel_device()), *first};
  plain.desc.layout = DLR_LAYOUT_PLAIN;
  int fewest = conversions(plain);
  const dlr_tensor_desc* best = nullptr;
  for (uint32_t i = 0; i < n_args && fewest > 0; ++i) {
    if (args[i].tensor == nullptr || args[i].access == DLR_WRITE) continue;
    const dlr_tensor_desc* candidates[4];
    const int n = args[i].tensor->buffer->current_private(device_, candidates, 4);
    for (int c = 0; c < n; ++c) {
      if (!memory::same_shape(*candidates[c], *first)) continue;
      const int needed = conversions({&device_, *candidates[c]});
      if (needed < fewest) {
        fewest = needed;
        best = candidates[c];
      }
    }
  }
  return best;
}

void Executor::launch_elementwise_private(const dlr_kernel& kernel, uint32_t dtype,
                                          const dlr_tensor_desc& layout, const dlr_arg* args,
                                          uint32_t n_args) {
  const Residence residence{&device_, layout};
  std::array<dlr_kernel_arg, kMostArgs> flat;
  for (uint32_t i = 0; i < n_args; ++i)
    flat[i] = {{}, args[i].real, args[i].integer};
  reads_before_writes(args, n_args, [&](uint32_t i) {
    flat[i].mem = args[i].tensor->buffer->use(residence, args[i].access);
  });
  const auto items =
      static_cast<int64_t>(device_.layout_bytes(layout) / memory::bytes_of(layout.dtype));
  const uint32_t index_bits = items > std::numeric_limits<int32_t>::max() ? 64 : 32;
  if (skips_work_) return;
  kernel_device().launch(kernel, dtype, index_bits, items, 1, flat.data(), n_args);
  if (kernel.zero_to_zero != 0) return;
  for (uint32_t i = 0; i < n_args; ++i) {
    if (args[i].tensor != nullptr && args[i].access != DLR_READ)
      device_.zero_padding(layout, flat[i].mem);
  }
}

bool Executor::try_plan(Operator& op, memory::Device& device) {
  if (const std::string reason = unplannable(op); !reason.empty()) {
    if (op.declined.empty()) op.declined = reason;
    return false;
  }
  std::vector<dlr_attribute> attributes;
  std::vector<const dlr_attribute*> attribute_pointers;
  for (size_t i = 0; i < op.attribute_names.size(); ++i) {
    attributes.push_back({sizeof(dlr_attribute), host::to_abi(op.attribute_names[i]),
                          op.attribute_integers[i].data(), op.attribute_integers[i].size(),
                          op.attribute_numbers[i]});
  }
  for (const dlr_attribute& attribute : attributes)
    attribute_pointers.push_back(&attribute);
  std::vector<dlr_tensor_desc> chosen = op.args;
  std::vector<dlr_tensor_desc*> arg_pointers;
  for (dlr_tensor_desc& arg : chosen)
    arg_pointers.push_back(&arg);
  std::vector<dlr_post_op> posts;
  for (const PostOp& post : op.post_ops)
    posts.push_back({sizeof(dlr_post_op), host::to_abi(post.kind), post.alpha, 0, -1});
  std::vector<const dlr_post_op*> post_pointers;
  for (const dlr_post_op& post : posts)
    post_pointers.push_back(&post);
  dlr_op_desc desc{};
  desc.size = sizeof desc;
  desc.op = host::to_abi(op.op);
  desc.attributes = attribute_pointers.data();
  desc.n_attributes = static_cast<uint32_t>(attribute_pointers.size());
  desc.args = arg_pointers.data();
  desc.n_args = static_cast<uint32_t>(arg_pointers.size());
  desc.post_ops = post_pointers.data();
  desc.n_post_ops = static_cast<uint32_t>(post_pointers.size());
  desc.accumulate = op.accumulate;
  std::string reason;
  std::unique_ptr<memory::Plan> plan = device.plan(desc, &reason);
  if (plan != nullptr && op.accumulate && desc.accumulate_accepted == 0) {
    plan.reset();
    reason = "it doesn't add into outputs";
  }
  if (plan != nullptr) {
    if (const std::string wrong = wrong_plan(op, chosen, desc); !wrong.empty()) {
      base::fail_work(fmt::format("device '{}': its plan of '{}' {}", device.name(), op.op, wrong));
    }
  }
  if (plan == nullptr) {
    op.declined += fmt::format("{}{}: {}", op.declined.empty() ? "" : "; ", device.name(), reason);
    return false;
  }
  op.plan = std::move(plan);
  op.device = &device;
  op.args = chosen;
  op.workspace_bytes = desc.workspace_bytes;
  op.reserve_bytes = desc.reserve_bytes;
  return true;
}

void Executor::plan(Operator& op) {
  if (!try_plan(op, device_)) plan_on_host(op);
}

void Executor::plan_on_host(Operator& op) {
  const bool host_runs_kernels = &kernel_device() == &host_;
  if (&device_ != &host_ && host_runs_kernels) try_plan(op, host_);
}

void Executor::run(Operator& op, const dlr_arg* args, uint32_t n_args, dlr_mem reserve) {
  require_few(n_args);
  op.has_run = true;
  std::array<dlr_mem, kMostArgs> mems{};
  reads_before_writes(args, n_args, [&](uint32_t i) {
    // A plain argument may be a part of its tensor: the whole must be there.
    const bool plain = op.args[i].layout == DLR_LAYOUT_PLAIN;
    const Residence residence = plain ? Residence{&plain_place(*op.device), args[i].tensor->desc}
                                      : Residence{op.device, op.args[i]};
    mems[i] = args[i].tensor->buffer->use(residence, args[i].access);
    skip(mems[i], args[i].integer, residence.desc.dtype);
  });
  if (skips_work_) return;
  op.plan->run(mems.data(), n_args, op.workspace, reserve);
}

bool Executor::fuse(Operator& op, const PostOp& post) {
  op.post_ops.push_back(post);
  const std::string declined = op.declined;
  if (try_plan(op, *op.device)) return true;
  op.post_ops.pop_back();
  op.declined = declined;
  return false;
}

void* Executor::map(const dlr_tensor& tensor, uint32_t access) {
  Residence residence{&host_, tensor.desc};
  residence.desc.layout = DLR_LAYOUT_PLAIN;
  const dlr_mem mem = tensor.buffer->use(residence, access);
  return reinterpret_cast<void*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

}  // namespace dlrun::net
