// Finding and opening devices, and their memory.
#include "device.hpp"

#include <dlrun/device.hpp>

#include <algorithm>

#include "nvrtc.hpp"

namespace dlrun::cuda {

namespace {

constexpr uint64_t kAlignment = 256;  // of cuMemAlloc, as documented

int attribute_of(CUdevice device, CUdevice_attribute what) {
  int value = 0;
  check_cuda(driver().cuDeviceGetAttribute(&value, what, device), "cuDeviceGetAttribute");
  return value;
}

// 89 for compute capability 8.9.
int capability_of(CUdevice device) {
  return 10 * attribute_of(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
         attribute_of(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
}

std::string name_of(CUdevice device) {
  char name[256] = {};
  check_cuda(driver().cuDeviceGetName(name, sizeof name - 1, device), "cuDeviceGetName");
  return name;
}

std::string driver_text() {
  int version = 0;
  check_cuda(driver().cuDriverGetVersion(&version), "cuDriverGetVersion");
  return version_text(version) + ", " + nvrtc_version();
}

uint64_t memory_of(CUdevice device) {
  size_t bytes = 0;
  check_cuda(driver().cuDeviceTotalMem_v2(&bytes, device), "cuDeviceTotalMem");
  return bytes;
}

}  // namespace

uint64_t count_devices(std::string* reason) {
  reason->clear();
  if (!driver().problem.empty()) {
    *reason = "no CUDA driver: " + driver().problem + "; install NVIDIA's driver for your GPU";
  } else if (!nvrtc().problem.empty()) {
    *reason = "no compiler for kernels: " + nvrtc().problem + "; install NVIDIA's NVRTC";
  }
  if (!reason->empty()) return 0;
  const CUresult status = driver().cuInit(0);
  int count = 0;
  if (status != CUDA_ERROR_NO_DEVICE) {
    check_cuda(status, "cuInit");
    check_cuda(driver().cuDeviceGetCount(&count), "cuDeviceGetCount");
  }
  if (count == 0) *reason = "the CUDA driver shows no device";
  return static_cast<uint64_t>(count);
}

PrimaryContext::PrimaryContext(CUdevice device) : device_(device) {
  check_cuda(driver().cuDevicePrimaryCtxRetain(&context_, device), "cuDevicePrimaryCtxRetain");
}

PrimaryContext::~PrimaryContext() {
  driver().cuDevicePrimaryCtxRelease_v2(device_);
}

Device::Device(CUdevice device)
    : name_(name_of(device)),
      driver_(driver_text()),
      memory_bytes_(memory_of(device)),
      architecture_(architecture_for(capability_of(device))),
      context_(device) {
  const Current current(context());
  own_stream_ = std::make_unique<Stream>();
  programs_ = std::make_unique<ProgramStore>(
      name_ + "\n" + driver_ + "\nsm_" + std::to_string(architecture_) + "\n", architecture_);
}

Device::~Device() {
  const CurrentIfPossible current(context());
  dnn_.reset();
  blas_.reset();
  programs_.reset();
  own_stream_.reset();
  timeline_.reset();
}

void Device::info(dlr_device_info& out) const {
  out.name = to_abi(name_);
  out.driver = to_abi(driver_);
  out.memory_bytes = memory_bytes_;
  out.alignment = kAlignment;
  out.largest_allocation = 0;
  out.host_memory = 0;
  out.float64 = 1;
}

dlr_mem Device::allocate(uint64_t bytes) {
  CUdeviceptr at = 0;
  const CUresult status = driver().cuMemAlloc_v2(&at, std::max<uint64_t>(bytes, 1));
  if (status == CUDA_ERROR_OUT_OF_MEMORY) {
    throw Error("no memory for " + std::to_string(bytes) + " bytes; the device has " +
                    std::to_string(memory_bytes_) + " in all",
                DLR_OUT_OF_MEMORY);
  }
  check_cuda(status, "cuMemAlloc");
  return {space(), at, 0, bytes};
}

void Device::release(const dlr_mem& mem) {
  if (mem.handle != 0) driver().cuMemFree_v2(mem.handle);
}

std::unique_ptr<Stream> Device::make_stream() {
  auto stream = std::make_unique<Stream>();
  if (timeline_) stream->begin_timing(*timeline_);
  streams_.push_back(stream.get());
  return stream;
}

void Device::forget(Stream* stream) {
  streams_.erase(std::find(streams_.begin(), streams_.end(), stream));
}

void Device::finish_all() {
  own_stream_->finish();
  for (Stream* stream : streams_)
    stream->finish();
}

void Device::begin_timing() {
  finish_all();
  timeline_ = std::make_unique<Timeline>(own_stream_->get());
  try {
    own_stream_->begin_timing(*timeline_);
    for (Stream* stream : streams_)
      stream->begin_timing(*timeline_);
  } catch (...) {
    drop_timing();
    throw;
  }
}

// Whoever overlooks the error meets it again: what failed in a context stays.
void Device::end_timing() {
  try {
    finish_all();
  } catch (...) {
    drop_timing();
    throw;
  }
  drop_timing();
}

void Device::drop_timing() {
  own_stream_->end_timing();
  for (Stream* stream : streams_)
    stream->end_timing();
  timeline_.reset();
}

Timeline& Device::timeline() {
  if (!timeline_) throw Error("timing hasn't begun", DLR_INTERNAL_ERROR);
  return *timeline_;
}

void Device::set_label(uint64_t label) {
  if (timeline_) timeline_->label = label;
}

uint64_t Device::now() {
  timeline();
  return own_stream_->timer()->now();
}

void Device::give_spans(dlr_span_fn give, void* context) {
  finish_all();
  for (const Span& span : std::exchange(timeline().spans, {})) {
    const dlr_span given{sizeof(dlr_span), to_abi(span.name), span.label,
                         span.stream,      span.begin_ns,     span.end_ns};
    give(context, &given);
  }
}

std::unique_ptr<BuiltKernel> Device::build(const dlr_kernel& kernel, uint32_t dtype,
                                           uint32_t index_bits) {
  if (dtype != DLR_F32 && dtype != DLR_F64)
    throw Declined("kernels are compiled for float32 and float64 only");
  return std::make_unique<BuiltKernel>(*programs_, space(), kernel, dtype, index_bits);
}

Blas& Device::blas() {
  if (!cublas().problem.empty()) throw Declined("no cuBLAS: " + cublas().problem);
  if (!blas_) blas_ = std::make_unique<Blas>();
  return *blas_;
}

Dnn& Device::dnn() {
  if (!cudnn().problem.empty()) throw Declined("no cuDNN: " + cudnn().problem);
  if (!dnn_) dnn_ = std::make_unique<Dnn>();
  return *dnn_;
}

}  // namespace dlrun::cuda
