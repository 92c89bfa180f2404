// The device "cuda": NVIDIA's GPUs. Memory of the device's own, kernels compiled from the dialect
// by NVRTC, matrix products by cuBLAS, whole layers by cuDNN. Here is the border to the host; the
// work is in the other files.
//
// A dlr_mem of this device has: space, the address of the open device; handle, a CUdeviceptr.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>
#include <dlrun/profiler.hpp>

#include "device.hpp"
#include "plan.hpp"

using dlrun::guard;
namespace cuda = dlrun::cuda;

struct dlr_device : cuda::Device {
  using cuda::Device::Device;
};
struct dlr_stream {
  std::unique_ptr<cuda::Stream> stream;
};
struct dlr_event {
  cuda::Event event;
};
struct dlr_built_kernel {
  std::unique_ptr<cuda::BuiltKernel> kernel;
};
struct dlr_plan {
  std::string name;
  std::unique_ptr<cuda::Plan> plan;
};

namespace {

// Works with the device's context current.
template <class Work>
dlr_error* within(dlr_device* device, Work&& work) {
  return guard([&] {
    const cuda::Current current(device->context());
    work();
  });
}

// The same where nothing can be reported; what is to be freed is, whatever the driver says.
template <class Work>
void quietly_within(dlr_device* device, Work&& work) {
  const cuda::CurrentIfPossible current(device->context());
  work();
}

// Issues work to a stream; to the device's own one when there is none given, and then waits for it.
template <class Work>
dlr_error* issue(dlr_device* device, dlr_stream* stream, Work&& work) {
  return within(device, [&] {
    work(stream != nullptr ? *stream->stream : device->own_stream());
    if (stream == nullptr) device->own_stream().finish();
  });
}

dlr_error* count(uint64_t* n, dlr_string* reason) {
  return guard([&] {
    static thread_local std::string why;  // outlives the call
    *n = cuda::count_devices(&why);
    *reason = dlrun::to_abi(why);
  });
}

dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    std::string reason;
    const uint64_t count = cuda::count_devices(&reason);
    if (count == 0) throw dlrun::Error(reason, DLR_DEVICE_ERROR);
    if (index >= count) {
      throw dlrun::Error("there is no CUDA device " + std::to_string(index) + "; the last one is " +
                         std::to_string(count - 1));
    }
    CUdevice device = 0;
    cuda::check_cuda(cuda::driver().cuDeviceGet(&device, static_cast<int>(index)), "cuDeviceGet");
    *out = new dlr_device(device);
  });
}

void close(dlr_device* device) {
  delete device;
}

dlr_error* info(dlr_device* device, dlr_device_info* out) {
  return guard([&] { device->info(*out); });
}

dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return within(device, [&] { *out = device->allocate(bytes); });
}

void release(dlr_device* device, dlr_mem mem) {
  quietly_within(device, [&] { device->release(mem); });
}

dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return issue(device, stream,
               [&](cuda::Stream& s) { cuda::copy(s, device->space(), to, from, bytes); });
}

dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  return issue(device, stream,
               [&](cuda::Stream& s) { cuda::zero(s, device->space(), mem, bytes); });
}

dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  return within(device, [&] { *out = new dlr_stream{device->make_stream()}; });
}

void destroy_stream(dlr_device* device, dlr_stream* stream) {
  device->forget(stream->stream.get());
  quietly_within(device, [&] { stream->stream.reset(); });
  delete stream;
}

dlr_error* synchronize(dlr_device* device, dlr_stream* stream) {
  return within(device, [&] {
    if (stream == nullptr) return device->finish_all();
    stream->stream->finish();
  });
}

dlr_error* record(dlr_device* device, dlr_stream* stream, dlr_event** inout) {
  return issue(device, stream, [&](cuda::Stream& s) {
    auto fresh = *inout == nullptr ? std::make_unique<dlr_event>() : nullptr;
    (fresh ? fresh.get() : *inout)->event.record(s.get());
    if (fresh) *inout = fresh.release();
  });
}

dlr_error* wait(dlr_device* device, dlr_stream* stream, dlr_event* event) {
  return issue(device, stream, [&](cuda::Stream& s) {
    cuda::check_cuda(cuda::driver().cuStreamWaitEvent(s.get(), event->event.get(), 0),
                     "cuStreamWaitEvent");
  });
}

void destroy_event(dlr_device* device, dlr_event* event) {
  quietly_within(device, [&] { delete event; });
}

dlr_error* build_kernel(dlr_device* device, const dlr_kernel* kernel, uint32_t dtype,
                        uint32_t index_bits, dlr_built_kernel** out) {
  return within(device,
                [&] { *out = new dlr_built_kernel{device->build(*kernel, dtype, index_bits)}; });
}

void release_kernel(dlr_device*, dlr_built_kernel* kernel) {
  delete kernel;
}

dlr_error* launch(dlr_device* device, dlr_stream* stream, dlr_built_kernel* kernel, int64_t items,
                  int64_t width, const dlr_kernel_arg* args, uint32_t n_args) {
  return issue(device, stream,
               [&](cuda::Stream& s) { kernel->kernel->launch(s, items, width, args, n_args); });
}

dlr_error* plan(dlr_device* device, dlr_op_desc* inout, dlr_plan** out) {
  return within(device, [&] {
    const dlrun::OpView op(*inout);
    *out = new dlr_plan{std::string(op.op()), cuda::make_plan(op, *device)};
  });
}

void destroy_plan(dlr_device* device, dlr_plan* plan) {
  quietly_within(device, [&] { plan->plan.reset(); });
  delete plan;
}

dlr_error* run(dlr_device* device, dlr_stream* stream, dlr_plan* plan, const dlr_mem* args,
               uint32_t n_args, dlr_mem workspace, dlr_mem) {
  return issue(device, stream, [&](cuda::Stream& s) {
    s.timed(plan->name,
            [&] { plan->plan->run(s, cuda::Arguments(device->space(), args, n_args, workspace)); });
  });
}

const dlr_device_type kCuda = {
    .size = sizeof(dlr_device_type),
    .score = -1,  // not by itself, until a GPU has run it (docs/devices.md)
    .is_host = 0,
    .reserved = {},
    .count = count,
    .open = open,
    .close = close,
    .info = info,
    .allocate = allocate,
    .release = release,
    .copy = copy,
    .zero = zero,
    .create_stream = create_stream,
    .destroy_stream = destroy_stream,
    .synchronize = synchronize,
    .record = record,
    .wait = wait,
    .destroy_event = destroy_event,
    .build_kernel = build_kernel,
    .release_kernel = release_kernel,
    .launch = launch,
    .plan = plan,
    .destroy_plan = destroy_plan,
    .run = run,
    .layout_bytes = nullptr,
    .zero_padding = nullptr,
};

struct Within {
  template <class Work>
  static dlr_error* run(dlr_device* device, Work&& work) {
    return within(device, work);
  }
};
const dlr_profiler_type kProfiler = dlrun::profiler_type<dlr_device, Within>();

const void* get_interface(dlr_string id) {
  return dlrun::profiler_for(id, kProfiler);
}

}  // namespace

DLR_PLUGIN_WITH("org.dlrun.cuda", "0.1.0", "", get_interface,
                DLR_PROVIDE("dlrun.device/1", "cuda", "NVIDIA's GPUs, by cuBLAS and cuDNN", kCuda));
