// The device "opencl": any OpenCL 1.2 device. Memory in its own space, kernels compiled from the
// dialect, matrix products by CLBlast. Here is the border to the host; the work is in the other
// files.
//
// A dlr_mem of this device has: space, the address of the open device; handle, a cl_mem.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>
#include <dlrun/profiler.hpp>

#include "device.hpp"
#include "plan.hpp"
#include "transfer.hpp"

using dlrun::guard;
namespace opencl = dlrun::opencl;

struct dlr_device : opencl::Device {
  using opencl::Device::Device;
};
struct dlr_stream {
  std::unique_ptr<opencl::Stream> stream;
};
struct dlr_event {
  opencl::Event event;
};
struct dlr_built_kernel {
  std::unique_ptr<opencl::BuiltKernel> kernel;
};
struct dlr_plan {
  std::unique_ptr<opencl::Plan> plan;
};

namespace {

// Issues work to a stream; to the device's own one when there is none given, and then waits for it.
template <class Work>
dlr_error* issue(dlr_device* device, dlr_stream* stream, Work&& work) {
  return guard([&] {
    work(stream != nullptr ? *stream->stream : device->own_stream());
    if (stream == nullptr) device->own_stream().finish();
  });
}

dlr_error* count(uint64_t* n, dlr_string* reason) {
  return guard([&] {
    static thread_local std::string why;  // outlives the call
    *n = opencl::find_devices(&why).size();
    *reason = dlrun::to_abi(why);
  });
}

dlr_error* open(uint64_t index, const dlr_device_options*, dlr_device** out) {
  return guard([&] {
    std::string reason;
    const std::vector<opencl::FoundDevice> found = opencl::find_devices(&reason);
    if (found.empty()) throw dlrun::Error(reason, DLR_DEVICE_ERROR);
    if (index >= found.size()) {
      throw dlrun::Error("there is no OpenCL device " + std::to_string(index) +
                         "; the last one is " + std::to_string(found.size() - 1));
    }
    *out = new dlr_device(found[index]);
  });
}

void close(dlr_device* device) {
  delete device;
}

dlr_error* info(dlr_device* device, dlr_device_info* out) {
  return guard([&] { device->info(*out); });
}

dlr_error* allocate(dlr_device* device, uint64_t bytes, dlr_mem* out) {
  return guard([&] { *out = device->allocate(bytes); });
}

void release(dlr_device* device, dlr_mem mem) {
  device->release(mem);
}

dlr_error* copy(dlr_device* device, dlr_stream* stream, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return issue(device, stream,
               [&](opencl::Stream& s) { opencl::copy(s, device->space(), to, from, bytes); });
}

dlr_error* zero(dlr_device* device, dlr_stream* stream, dlr_mem mem, uint64_t bytes) {
  return issue(device, stream,
               [&](opencl::Stream& s) { opencl::zero(s, device->space(), mem, bytes); });
}

dlr_error* create_stream(dlr_device* device, dlr_stream** out) {
  return guard([&] { *out = new dlr_stream{device->make_stream()}; });
}

void destroy_stream(dlr_device* device, dlr_stream* stream) {
  device->forget(stream->stream.get());
  delete stream;
}

dlr_error* synchronize(dlr_device* device, dlr_stream* stream) {
  return guard([&] {
    if (stream == nullptr) return device->finish_all();
    stream->stream->finish();
  });
}

dlr_error* record(dlr_device* device, dlr_stream* stream, dlr_event** inout) {
  return issue(device, stream, [&](opencl::Stream& s) {
    cl_event event = nullptr;
    opencl::check_cl(clEnqueueMarkerWithWaitList(s.queue(), 0, nullptr, &event),
                     "clEnqueueMarkerWithWaitList");
    opencl::Event owned(event);
    opencl::check_cl(clFlush(s.queue()), "clFlush");  // else another stream could wait for ever
    if (*inout == nullptr) *inout = new dlr_event;
    (*inout)->event = std::move(owned);
  });
}

dlr_error* wait(dlr_device* device, dlr_stream* stream, dlr_event* event) {
  return issue(device, stream, [&](opencl::Stream& s) {
    const cl_event handle = event->event.get();
    opencl::check_cl(clEnqueueBarrierWithWaitList(s.queue(), 1, &handle, nullptr),
                     "clEnqueueBarrierWithWaitList");
  });
}

void destroy_event(dlr_device*, dlr_event* event) {
  delete event;
}

dlr_error* build_kernel(dlr_device* device, const dlr_kernel* kernel, uint32_t dtype,
                        uint32_t index_bits, dlr_built_kernel** out) {
  return guard([&] { *out = new dlr_built_kernel{device->build(*kernel, dtype, index_bits)}; });
}

void release_kernel(dlr_device*, dlr_built_kernel* kernel) {
  delete kernel;
}

dlr_error* launch(dlr_device* device, dlr_stream* stream, dlr_built_kernel* kernel, int64_t items,
                  int64_t width, const dlr_kernel_arg* args, uint32_t n_args) {
  return issue(device, stream,
               [&](opencl::Stream& s) { kernel->kernel->launch(s, items, width, args, n_args); });
}

dlr_error* plan(dlr_device* device, dlr_op_desc* inout, dlr_plan** out) {
  return guard([&] {
    const dlrun::OpView op(*inout);
    if (op.op() != "gemm") throw dlrun::Declined("opencl runs portable kernels for it");
    if (inout->n_post_ops > 0) throw dlrun::Declined("opencl fuses nothing behind gemm");
    for (int i = 0; i < op.n_args(); ++i) {
      const uint64_t layout = op.arg(i).layout;
      if (layout == DLR_LAYOUT_ANY || layout == DLR_LAYOUT_PLAIN) continue;
      throw dlrun::Declined("opencl knows the plain layout only");
    }
    *out = new dlr_plan{opencl::plan_gemm(op, device->space(), device->own_stream())};
    for (int i = 0; i < op.n_args(); ++i) {
      op.arg(i).layout = DLR_LAYOUT_PLAIN;
    }
  });
}

void destroy_plan(dlr_device*, dlr_plan* plan) {
  delete plan;
}

dlr_error* run(dlr_device* device, dlr_stream* stream, dlr_plan* plan, const dlr_mem* args,
               uint32_t n_args, dlr_mem workspace, dlr_mem) {
  return issue(device, stream,
               [&](opencl::Stream& s) { plan->plan->run(s, args, n_args, workspace); });
}

const dlr_device_type kOpencl = {
    .size = sizeof(dlr_device_type),
    .score = 5,
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

const dlr_profiler_type kProfiler = dlrun::profiler_type<dlr_device>();

const void* get_interface(dlr_string id) {
  return dlrun::profiler_for(id, kProfiler);
}

}  // namespace

DLR_PLUGIN_WITH("org.dlrun.opencl", "0.1.0", "", get_interface,
                DLR_PROVIDE("dlrun.device/1", "opencl", "any OpenCL 1.2 device", kOpencl));
