// Pooling, between convolutions, in the layout that these leave behind: by kernels of our own,
// which are compiled into this library for several instruction sets.
#include <array>
#include <limits>

#include "channel_pooling.kernel.h.inc"
#include "plan.hpp"

namespace dlrun::onednn {

namespace {

struct Window {
  Dims in, out, kernel, stride, pad;  // of two axes
};

Window window(const OpView& op, const Dims& x, const Dims& y) {
  if (x.size() < 3 || x.size() > 4) throw Declined("onednn pools in one or two spatial axes");
  const size_t axes = x.size() - 2;
  Window w{{x.begin() + 2, x.end()},
           {y.begin() + 2, y.end()},
           per_axis(op, "kernel", axes, 1),
           per_axis(op, "stride", axes, 1),
           per_axis(op, "pad", axes, 0)};
  if (axes == 1) {
    for (Dims* list : {&w.in, &w.out, &w.kernel, &w.stride})
      list->insert(list->begin(), 1);
    w.pad.insert(w.pad.begin(), 0);
  }
  return w;
}

// Which kernel runs, over which of its arguments.
struct Form {
  const dlr_kernel* kernel;
  bool backward;
  bool reserve;  // the third memory: where maxima were taken from
};

Form form_of(const OpView& op) {
  const std::string_view name = op.op();
  const bool training = op.integer("training", 1) != 0;
  if (name == "pooling_max_forward") {
    return {training ? &kernels::channel_pool_max : &kernels::channel_pool_max_only, false,
            training};
  }
  if (name == "pooling_max_backward") return {&kernels::channel_pool_max_gradient, true, true};
  if (name == "pooling_average_forward") return {&kernels::channel_pool_average, false, false};
  if (name == "pooling_average_backward")
    return {&kernels::channel_pool_average_gradient, true, false};
  throw Declined("onednn knows no " + std::string(name));
}

class PoolingPlan : public Plan {
 public:
  PoolingPlan(const OpView& op, Device& device);

  void describe(const OpView& op, Layouts& layouts) const override {
    op.arg(0).layout = layouts.number(form_.backward ? y_desc_ : x_desc_);
    op.arg(1).layout = layouts.number(form_.backward ? x_desc_ : y_desc_);
    op.desc().reserve_bytes = form_.reserve ? y_desc_.get_size() : 0;  // i32 is as large as f32
  }

  void run(const dlr_mem* args, uint32_t n_args, const dlr_mem&, const dlr_mem& reserve) override {
    if (n_args != 2) throw Error("wrong number of operands", DLR_INTERNAL_ERROR);
    args_[0].mem = args[0];
    if (!form_.reserve) {
      args_[1].mem = args[1];
    } else {  // y, taken or taken, dx
      args_[1].mem = form_.backward ? reserve : args[1];
      args_[2].mem = form_.backward ? args[1] : reserve;
    }
    host().parallel_for(items_, grain_, run_range, this);
  }

 private:
  static void run_range(void* self, int64_t begin, int64_t end) {
    const auto* plan = static_cast<const PoolingPlan*>(self);
    plan->entry_(plan->args_.data(), begin, end);
  }
  void set_numbers(size_t first, const Window& w, int64_t width);

  Form form_;
  dnnl::memory::desc x_desc_, y_desc_;
  dlr_cpu_entry entry_ = nullptr;
  int64_t items_ = 0;
  int64_t grain_ = 1;
  std::array<dlr_kernel_arg, 14> args_{};
};

PoolingPlan::PoolingPlan(const OpView& op, Device& device) : form_(form_of(op)) {
  const int x = form_.backward ? 1 : 0;
  const Dims x_dims = extents(op, x);
  const Dims y_dims = extents(op, 1 - x);
  const Window w = window(op, x_dims, y_dims);
  x_desc_ = device.layouts().wanted(op.arg(x), x_dims, usual_layout(device, x_dims));
  const ChannelVectors vectors = channel_vectors(x_desc_);
  if (vectors.width == 0 || is_plain(x_desc_))
    throw Declined("the host pools plain tensors as well");
  y_desc_ = channel_vectors_desc(y_dims, vectors);
  const uint64_t y_layout = op.arg(1 - x).layout;
  if (y_layout != DLR_LAYOUT_ANY && device.layouts().number(y_desc_) != y_layout) {
    throw Declined("the two layouts are of different kinds");
  }

  const int64_t pixels = w.out[0] * w.out[1];
  items_ = form_.backward ? vectors.planes : vectors.planes * pixels;
  grain_ =
      form_.backward ? 1 : std::max<int64_t>(1, 4096 / (vectors.width * w.kernel[0] * w.kernel[1]));
  entry_ = device.entry(*form_.kernel,
                        x_desc_.get_size() / sizeof(float) > std::numeric_limits<int32_t>::max());
  set_numbers(form_.reserve ? 3 : 2, w, vectors.width);
}

void PoolingPlan::set_numbers(size_t first, const Window& w, int64_t width) {
  args_[first].integer = width;
  for (const Dims* list : {&w.in, &w.out, &w.kernel, &w.stride, &w.pad}) {
    args_[++first].integer = (*list)[0];
    args_[++first].integer = (*list)[1];
  }
}

}  // namespace

std::unique_ptr<Plan> plan_pooling(const OpView& op, Device& device) {
  return std::make_unique<PoolingPlan>(op, device);
}

}  // namespace dlrun::onednn
