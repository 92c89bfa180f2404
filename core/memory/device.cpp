#include "core/memory/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/host/error.hpp"

namespace dlrun::memory {

Plan::~Plan() {
  device_->settle();  // issued work may need it
  device_->type_.destroy_plan(device_->handle_, handle_);
}

void Plan::run(const dlr_mem* args, uint32_t n_args, dlr_mem workspace, dlr_mem reserve) {
  Device& device = *device_;
  device.has_issued_ = true;
  host::check(
      device.type_.run(device.handle_, device.stream_, handle_, args, n_args, workspace, reserve));
}

Device::Device(std::string name, const dlr_device_type& type, uint64_t index,
               const dlr_device_options& options, const dlr_profiler_type* profiler)
    : name_(std::move(name)),
      subject_(fmt::format("device '{}': ", name_)),
      type_(type),
      profiler_(profiler) {
  host::check(type_.open(index, &options, &handle_), subject_);
  try {
    info_.size = sizeof info_;
    host::check(type_.info(handle_, &info_), subject_);
    // On host memory others read what this device wrote, and so don't wait for its stream.
    if (!works_in_host_memory()) host::check(type_.create_stream(handle_, &stream_), subject_);
  } catch (...) {
    type_.close(handle_);
    throw;
  }
}

Device::~Device() {
  settle();
  for (const auto& reorder : reorders_) {
    reorder->plan.reset();
    release(reorder->workspace);
  }
  for (const auto& [key, kernel] : kernels_)
    type_.release_kernel(handle_, kernel);
  if (stream_ != nullptr) type_.destroy_stream(handle_, stream_);
  type_.close(handle_);
}

// Functions that are of use together only: a group that isn't whole counts as absent.
bool Device::has_kernels() const {
  return DLR_HAS(&type_, launch) && type_.build_kernel != nullptr &&
         type_.release_kernel != nullptr && type_.launch != nullptr;
}

bool Device::has_operators() const {
  return DLR_HAS(&type_, run) && type_.plan != nullptr && type_.destroy_plan != nullptr &&
         type_.run != nullptr;
}

bool Device::has_layouts() const {
  return has_operators() && DLR_HAS(&type_, zero_padding) && type_.layout_bytes != nullptr &&
         type_.zero_padding != nullptr;
}

dlr_mem Device::allocate(uint64_t bytes) {
  dlr_mem mem{};
  if (bytes == 0) return mem;
  host::check(type_.allocate(handle_, bytes, &mem), subject_);
  if (mem.bytes != bytes) {
    type_.release(handle_, mem);
    base::fail_work(fmt::format("{}it allocated {} bytes, not {}", subject_, mem.bytes, bytes));
  }
  return mem;
}

void Device::release(dlr_mem mem) noexcept {
  if (mem.bytes == 0) return;
  settle();
  type_.release(handle_, mem);
}

void Device::settle() noexcept {
  if (!has_issued_) return;
  try {
    wait();
  } catch (...) {
    if (late_error_ == nullptr) late_error_ = std::current_exception();
  }
}

void Device::copy(dlr_mem to, dlr_mem from, uint64_t bytes) {
  if (bytes == 0) return;
  has_issued_ = true;
  host::check(type_.copy(handle_, stream_, to, from, bytes), subject_);
  if (!works_in_host_memory() && to.space == DLR_SPACE_HOST) synchronize();
}

void Device::zero(dlr_mem mem, uint64_t bytes) {
  if (bytes == 0) return;
  has_issued_ = true;
  host::check(type_.zero(handle_, stream_, mem, bytes), subject_);
}

void Device::synchronize() {
  if (late_error_ != nullptr) std::rethrow_exception(std::exchange(late_error_, nullptr));
  wait();
}

// Work counts as under way until a wait for it has succeeded: memory may be released only then.
void Device::wait() {
  host::check(type_.synchronize(handle_, stream_), subject_);
  has_issued_ = false;
}

dlr_built_kernel* Device::built(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  const KernelKey key{&kernel, dtype, index_bits};
  const auto found = kernels_.find(key);
  if (found != kernels_.end()) return found->second;
  dlr_built_kernel* made = nullptr;
  host::check(type_.build_kernel(handle_, &kernel, dtype, index_bits, &made),
              fmt::format("device '{}': kernel '{}': ", name_, host::from_abi(kernel.name)));
  kernels_.emplace(key, made);
  return made;
}

void Device::prepare(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  built(kernel, dtype, index_bits);
}

void Device::launch(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits, int64_t items,
                    int64_t width, const dlr_kernel_arg* args, uint32_t n_args) {
  if (items <= 0 || width <= 0) return;
  has_issued_ = true;
  host::check(
      type_.launch(handle_, stream_, built(kernel, dtype, index_bits), items, width, args, n_args));
}

std::unique_ptr<Plan> Device::plan(dlr_op_desc& desc, std::string* reason) {
  if (!has_operators()) {
    *reason = "the device has no operators";
    return nullptr;
  }
  dlr_plan* plan = nullptr;
  dlr_error* error = type_.plan(handle_, &desc, &plan);
  if (error != nullptr && error->code == DLR_UNIMPLEMENTED) {
    *reason = error->message;
    delete error;
    return nullptr;
  }
  host::check(error, subject_);
  return std::make_unique<Plan>(*this, plan);
}

uint64_t Device::layout_bytes(const dlr_tensor_desc& desc) {
  if (desc.layout == DLR_LAYOUT_PLAIN) return plain_bytes(desc);
  if (!has_layouts()) {
    base::fail_work(fmt::format(
        "{}it chose a private layout, but lacks layout_bytes or zero_padding", subject_));
  }
  uint64_t bytes = 0;
  host::check(type_.layout_bytes(handle_, &desc, &bytes));
  return bytes;
}

void Device::zero_padding(const dlr_tensor_desc& desc, dlr_mem mem) {
  if (!has_layouts()) return;
  has_issued_ = true;
  host::check(type_.zero_padding(handle_, stream_, &desc, mem));
}

void Device::reorder(const dlr_tensor_desc& from_desc, dlr_mem from, const dlr_tensor_desc& to_desc,
                     dlr_mem to) {
  Reorder& reorder = reorder_for(from_desc, to_desc);
  const dlr_mem args[] = {from, to};
  reorder.plan->run(args, 2, reorder.workspace, dlr_mem{});
}

Device::Reorder& Device::reorder_for(const dlr_tensor_desc& from, const dlr_tensor_desc& to) {
  for (const auto& known : reorders_) {
    if (known->from.layout == from.layout && known->to.layout == to.layout &&
        same_shape(known->from, from) && same_shape(known->to, to)) {
      return *known;
    }
  }
  auto made = std::make_unique<Reorder>(Reorder{from, to, nullptr, {}});
  dlr_tensor_desc* args[] = {&made->from, &made->to};
  dlr_op_desc desc{};
  desc.size = sizeof desc;
  desc.op = host::to_abi("reorder");
  desc.args = args;
  desc.n_args = 2;
  std::string reason;
  made->plan = plan(desc, &reason);
  if (made->plan == nullptr) {
    base::fail_work(fmt::format("device '{}' can't convert its own layout: {}", name_, reason));
  }
  made->workspace = allocate(desc.workspace_bytes);
  reorders_.push_back(std::move(made));
  return *reorders_.back();
}

int64_t element_count(const dlr_tensor_desc& desc) {
  int64_t count = 1;
  for (uint32_t axis = 0; axis < desc.rank; ++axis)
    count *= desc.dim[axis];
  return count;
}

uint64_t bytes_of(uint32_t dtype) {
  return (dtype & 0xFFu) / 8;
}

uint64_t plain_bytes(const dlr_tensor_desc& desc) {
  return static_cast<uint64_t>(element_count(desc)) * bytes_of(desc.dtype);
}

bool same_shape(const dlr_tensor_desc& a, const dlr_tensor_desc& b) {
  return a.dtype == b.dtype && a.rank == b.rank && std::equal(a.dim, a.dim + a.rank, b.dim);
}

}  // namespace dlrun::memory
