#include "cpu_operators.hpp"

#include "control.hpp"
#include "devices/cpu/device_state.hpp"
#include "devices/cpu/memory.hpp"
#include "devices/cpu/plan.hpp"

#include <memory>

namespace cuda_double {
namespace {

// All that the operators ask of a host. They run on the thread that runs the stream's commands.
const dlr_host* one_thread() {
  static dlr_host host{};
  host.size = sizeof host;
  host.parallel_for = [](int64_t n, int64_t, dlr_range_fn body, void* context) {
    if (n > 0) body(context, 0, n);
  };
  return &host;
}

const dlrun::cpu::Device& cpu() {
  static const dlrun::cpu::Device device = [] {
    dlrun::detail::host = one_thread();
    return dlrun::cpu::Device({sizeof(dlr_device_options), 1, {}});
  }();
  return device;
}

dlr_mem host_memory(const void* at, uint64_t bytes) {
  return {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(at), 0, bytes};
}
template <class T>
dlr_mem host_memory(const std::vector<T>& elements) {
  return host_memory(elements.data(), elements.size() * sizeof(T));
}

}  // namespace

template <class T>
void CpuOperator<T>::reads(const dlrun::Shape& shape, const void* at) {
  const auto count = static_cast<uint64_t>(shape.count());
  desc.argument(shape, kType);
  args_.push_back(host_memory(real_elements<T>(device_, at, count), count * sizeof(T)));
}

template <class T>
void CpuOperator<T>::absent() {
  desc.no_argument();
  args_.push_back({});
}

template <class T>
void CpuOperator<T>::writes(const dlrun::Shape& shape) {
  desc.argument(shape, kType);
  written_.resize(static_cast<size_t>(shape.count()));
  args_.push_back(host_memory(written_));
}

template <class T>
void CpuOperator<T>::run(std::vector<T>* reserve) {
  desc.with_desc([&](dlr_op_desc& described) {
    try {
      const std::unique_ptr<dlr_plan> plan = dlrun::cpu::make_plan(cpu(), described);
      const std::unique_ptr<void, void (*)(void*)> workspace(
          dlrun::cpu::allocate(described.workspace_bytes), dlrun::cpu::release);
      if (reserve != nullptr) reserve->resize(described.reserve_bytes / sizeof(T));
      plan->run({args_.data(), static_cast<uint32_t>(args_.size()),
                 host_memory(workspace.get(), described.workspace_bytes),
                 reserve != nullptr ? host_memory(*reserve) : dlr_mem{}});
    } catch (const dlrun::Error& error) {
      throw Misuse(error.what());
    }
  });
}

template class CpuOperator<float>;
template class CpuOperator<double>;

}  // namespace cuda_double
