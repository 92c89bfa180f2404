// The device "onednn": oneDNN's primitives on the host's cores and in the host's memory, with
// layouts of their own. It compiles no kernels: the host device's run over its memory. Here is the
// border to the host.
#include <dlrun/device.hpp>
#include <dlrun/plugin.hpp>

#include <cstring>

#include "device.hpp"
#include "plan.hpp"

using dlrun::guard;
namespace onednn = dlrun::onednn;

struct dlr_device : onednn::Device {
  using onednn::Device::Device;
};
struct dlr_stream {};  // everything is done when its call returns
struct dlr_plan {
  std::unique_ptr<onednn::Plan> plan;
};

namespace {

dlr_error* count(uint64_t* n, dlr_string* reason) {
  *n = 1;
  *reason = dlrun::to_abi("");
  return nullptr;
}

dlr_error* open(uint64_t index, const dlr_device_options* options, dlr_device** out) {
  return guard([&] {
    if (index != 0) throw dlrun::Error("there is one onednn device, number 0");
    *out = new dlr_device(*options);
  });
}

void close(dlr_device* device) {
  delete device;
}

dlr_error* info(dlr_device* device, dlr_device_info* out) {
  return guard([&] { device->info(*out); });
}

dlr_error* allocate(dlr_device*, uint64_t bytes, dlr_mem* out) {
  return guard([&] {
    *out = {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(onednn::allocate(bytes)), 0, bytes};
  });
}

void release(dlr_device*, dlr_mem mem) {
  onednn::release(reinterpret_cast<void*>(static_cast<uintptr_t>(mem.handle)));
}

dlr_error* copy(dlr_device*, dlr_stream*, dlr_mem to, dlr_mem from, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(to, bytes);
    dlrun::require_room(from, bytes);
    if (bytes > 0) std::memmove(dlrun::address<void>(to), dlrun::address<void>(from), bytes);
  });
}

dlr_error* zero(dlr_device*, dlr_stream*, dlr_mem mem, uint64_t bytes) {
  return guard([&] {
    dlrun::require_room(mem, bytes);
    if (bytes > 0) std::memset(dlrun::address<void>(mem), 0, bytes);
  });
}

dlr_error* create_stream(dlr_device*, dlr_stream** out) {
  return guard([&] { *out = new dlr_stream; });
}

void destroy_stream(dlr_device*, dlr_stream* stream) {
  delete stream;
}

dlr_error* synchronize(dlr_device*, dlr_stream*) {
  return nullptr;
}

// By the beginning of an operator's name: "convolution_forward" is one of "convolution_".
struct Family {
  std::string_view prefix;
  std::unique_ptr<onednn::Plan> (*plan)(const dlrun::OpView&, onednn::Device&);
};
constexpr Family kFamilies[] = {
    {"reorder", onednn::plan_reorder},
    {"convolution_", onednn::plan_convolution},
    {"deconvolution_forward", onednn::plan_convolution},
    {"inner_product_", onednn::plan_inner_product},
    {"pooling_", onednn::plan_pooling},
    {"lrn_", onednn::plan_lrn},
    {"batch_norm_", onednn::plan_batch_norm},
    {"softmax_", onednn::plan_softmax},
    {"relu_forward", onednn::plan_activation},
    {"sigmoid_forward", onednn::plan_activation},
    {"tanh_forward", onednn::plan_activation},
    {"sum", onednn::plan_sum},
    {"concat", onednn::plan_concat},
};

// A transposed convolution has a pass for its bias, in which activations cost nothing.
bool fuses(const dlrun::OpView& op) {
  return op.op() == "convolution_forward" || op.op() == "inner_product_forward" ||
         (op.op() == "deconvolution_forward" && op.has_arg(2));
}

std::unique_ptr<onednn::Plan> plan_for(const dlrun::OpView& op, onednn::Device& device) {
  for (const Family& family : kFamilies) {
    if (op.op().rfind(family.prefix, 0) != 0) continue;
    if (op.desc().n_post_ops > 0 && !fuses(op))
      throw dlrun::Declined(
          "onednn fuses behind convolutions, transposed ones with a bias, and inner products only");
    return family.plan(op, device);
  }
  throw dlrun::Declined("onednn leaves it to the host's kernels");
}

std::vector<uint64_t> layouts_of(const dlrun::OpView& op) {
  std::vector<uint64_t> layouts;
  for (int i = 0; i < op.n_args(); ++i)
    layouts.push_back(op.arg(i).layout);
  return layouts;
}

// What isn't left open stays as it was asked for.
void require_layouts(const dlrun::OpView& op, const std::vector<uint64_t>& asked) {
  for (int i = 0; i < op.n_args(); ++i) {
    const uint64_t layout = asked[static_cast<size_t>(i)];
    if (op.has_arg(i) && layout != DLR_LAYOUT_ANY && layout != op.arg(i).layout)
      throw dlrun::Declined("onednn wants another layout of argument " + std::to_string(i));
  }
}

dlr_error* plan(dlr_device* device, dlr_op_desc* inout, dlr_plan** out) {
  return guard([&] {
    const onednn::ThreadBudget threads(*device);
    const dlrun::OpView op(*inout);
    try {
      const std::vector<uint64_t> asked = layouts_of(op);
      std::unique_ptr<onednn::Plan> made = plan_for(op, *device);
      made->describe(op, device->layouts());
      require_layouts(op, asked);
      *out = new dlr_plan{std::move(made)};
    } catch (const dnnl::error& error) {
      throw dlrun::Declined(std::string("oneDNN: ") + error.what());
    }
  });
}

void destroy_plan(dlr_device*, dlr_plan* plan) {
  delete plan;
}

dlr_error* run(dlr_device*, dlr_stream*, dlr_plan* plan, const dlr_mem* args, uint32_t n_args,
               dlr_mem workspace, dlr_mem reserve) {
  return guard([&] { plan->plan->run(args, n_args, workspace, reserve); });
}

dlr_error* layout_bytes(dlr_device* device, const dlr_tensor_desc* desc, uint64_t* out) {
  return guard([&] {
    const bool plain = desc->layout == DLR_LAYOUT_PLAIN;
    *out = plain ? static_cast<uint64_t>(dlrun::Shape(*desc).count()) * dlrun::bytes_of(desc->dtype)
                 : device->layouts().of(desc->layout).get_size();
  });
}

dlr_error* zero_padding(dlr_device* device, dlr_stream*, const dlr_tensor_desc* desc, dlr_mem mem) {
  return guard([&] {
    if (desc->layout == DLR_LAYOUT_PLAIN) return;
    onednn::zero_padding(device->layouts().of(desc->layout), dlrun::address<float>(mem));
  });
}

const dlr_device_type kOnednn = {
    .size = sizeof(dlr_device_type),
    .score = 12,  // before the cpu device, which it leaves to do what that does faster
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
    .record = nullptr,
    .wait = nullptr,
    .destroy_event = nullptr,
    .build_kernel = nullptr,
    .release_kernel = nullptr,
    .launch = nullptr,
    .plan = plan,
    .destroy_plan = destroy_plan,
    .run = run,
    .layout_bytes = layout_bytes,
    .zero_padding = zero_padding,
};

}  // namespace

DLR_PLUGIN("org.dlrun.onednn", "0.1.0", "",
           DLR_PROVIDE("dlrun.device/1", "onednn", "the host's cores, by Intel's oneDNN", kOnednn));
