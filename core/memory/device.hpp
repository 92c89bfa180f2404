// An open device: a device plugin's functions with errors as exceptions, its kernels and
// conversions cached.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <dlrun/abi.h>
#include <dlrun/profiler.h>

namespace dlrun::memory {

// A planned operator; freed with its device still open.
class Plan {
 public:
  Plan(class Device& device, dlr_plan* handle) : device_(&device), handle_(handle) {}
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  void run(const dlr_mem* args, uint32_t n_args, dlr_mem workspace, dlr_mem reserve);

 private:
  class Device* device_;
  dlr_plan* handle_;
};

class Device {
 public:
  // Opens device `index` of a plugin's type. `name` is how users call it: "cpu", "opencl:1".
  // `profiler`: the plugin's, null for none.
  Device(std::string name, const dlr_device_type& type, uint64_t index,
         const dlr_device_options& options, const dlr_profiler_type* profiler = nullptr);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const { return name_; }
  const dlr_device_info& info() const { return info_; }
  bool works_in_host_memory() const { return info_.host_memory != 0; }
  bool has_kernels() const;
  bool has_operators() const;
  bool has_layouts() const;  // private ones
  bool has_profiler() const { return profiler_ != nullptr; }

  dlr_mem allocate(uint64_t bytes);
  // Settles first: issued work may need it.
  void release(dlr_mem mem) noexcept;
  // Finished when it returns, if it goes to host memory. From host memory it is only issued: that
  // stays as it is until `settle`.
  void copy(dlr_mem to, dlr_mem from, uint64_t bytes);
  void zero(dlr_mem mem, uint64_t bytes);
  void synchronize();
  // Waits for what nobody waited for yet; what that fails with, the next synchronize throws.
  void settle() noexcept;

  // Built on first use. `items` and `width` as in dlr_context_api.launch.
  void prepare(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits);
  void launch(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits, int64_t items,
              int64_t width, const dlr_kernel_arg* args, uint32_t n_args);

  // NULL when the device declines; *reason then says why. The plan's choices are written into
  // `desc`.
  std::unique_ptr<Plan> plan(dlr_op_desc& desc, std::string* reason);

  // Bytes of a tensor in a layout; plain ones are computed, private ones asked for.
  uint64_t layout_bytes(const dlr_tensor_desc& desc);
  void zero_padding(const dlr_tensor_desc& desc, dlr_mem mem);
  // Converts between two layouts of the same tensor on this device.
  void reorder(const dlr_tensor_desc& from_desc, dlr_mem from, const dlr_tensor_desc& to_desc,
               dlr_mem to);

 private:
  friend class Plan;
  friend class Profiler;
  using KernelKey = std::tuple<const dlr_kernel*, uint32_t, uint32_t>;
  struct Reorder {
    dlr_tensor_desc from;
    dlr_tensor_desc to;
    std::unique_ptr<Plan> plan;
    dlr_mem workspace;
  };

  dlr_built_kernel* built(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits);
  Reorder& reorder_for(const dlr_tensor_desc& from, const dlr_tensor_desc& to);
  void wait();

  std::string name_;
  std::string subject_;  // "device 'cpu': "
  const dlr_device_type& type_;
  const dlr_profiler_type* profiler_;
  dlr_device* handle_ = nullptr;
  dlr_stream* stream_ = nullptr;
  dlr_device_info info_{};
  bool has_issued_ = false;  // work that nobody waited for yet
  std::exception_ptr late_error_;
  std::map<KernelKey, dlr_built_kernel*> kernels_;
  std::vector<std::unique_ptr<Reorder>> reorders_;
};

// Elements of a shape, and bytes of it in plain layout.
int64_t element_count(const dlr_tensor_desc& desc);
uint64_t plain_bytes(const dlr_tensor_desc& desc);
uint64_t bytes_of(uint32_t dtype);
// The same extents and element type, whatever the layouts.
bool same_shape(const dlr_tensor_desc& a, const dlr_tensor_desc& b);

}  // namespace dlrun::memory
