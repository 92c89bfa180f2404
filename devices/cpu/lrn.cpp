// lrn.cpp: the operators lrn_forward and lrn_backward, across channels.
#include "device_state.hpp"
#include "isa/choose.hpp"
#include "parallel.hpp"
#include "plan.hpp"

namespace dlrun::cpu {
namespace {

constexpr int64_t kPixels =
    1024;  // of one piece of work; a window's channels of them stay in the first-level cache

template <class T>
struct LrnShape {
  int64_t images;
  LrnArgs<T> args;  // of all pixels of an image
};

template <class T>
LrnShape<T> read_shape(const OpView& op) {
  const Shape x = op.shape(0);
  for (int i = 1; i < op.n_args(); ++i) {
    if (op.shape(i) != x)
      throw Error(std::string(op.op()) + ": shapes " + x.text() + " and " + op.shape(i).text());
  }
  if (x.rank() < 2) throw Declined("lrn needs an axis of channels");
  const int64_t size = op.integer("size", 5), pixels = x.count(2, x.rank());
  if (size < 1) throw Declined("lrn over a window of " + std::to_string(size) + " channels");
  return {x[0],
          {x[1], pixels, pixels, size,
           static_cast<T>(op.number("alpha", 1) / static_cast<double>(size)),
           static_cast<T>(op.number("beta", 0.75)), static_cast<T>(op.number("k", 1))}};
}

template <class T>
int64_t piece_pixels(const LrnShape<T>& shape) {
  return std::min(kPixels, shape.args.pixels);
}

// Calls body(slot, first element, arguments) for pieces of images, in parallel.
template <class T, class Body>
void for_each_piece(const LrnShape<T>& shape, int64_t slots, Body&& body) {
  const LrnArgs<T>& whole = shape.args;
  const int64_t pieces = (whole.pixels + kPixels - 1) / kPixels;
  for_each_slot(slots, [&](int64_t slot) {
    const Range range = part_of(shape.images * pieces, slot, slots);
    for (int64_t item = range.begin; item < range.end; ++item) {
      const int64_t first = item % pieces * kPixels;
      LrnArgs<T> args = whole;
      args.pixels = std::min(kPixels, whole.pixels - first);
      body(slot, item / pieces * whole.channels * whole.pixels + first, args);
    }
  });
}

// As many as have enough to do.
template <class T>
int64_t slots_for(const Device& device, const LrnShape<T>& shape) {
  const int64_t elements = shape.images * shape.args.channels * shape.args.pixels;
  return std::clamp<int64_t>(elements / kSerialElements, 1, device.threads());
}

template <class T>
class ForwardPlan final : public dlr_plan {
 public:
  ForwardPlan(const Device& device, const LrnShape<T>& shape, bool keeps_scale)
      : functions_(functions<T>(device.isa()).normalize),
        shape_(shape),
        slots_(slots_for(device, shape)),
        keeps_scale_(keeps_scale) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    T* y = args.arg<T>(1);
    T* scale = keeps_scale_ ? args.reserve<T>() : nullptr;
    for_each_piece(shape_, slots_, [&](int64_t, int64_t at, const LrnArgs<T>& lrn) {
      functions_.lrn(lrn, x + at, y + at, scale == nullptr ? nullptr : scale + at);
    });
  }

 private:
  const NormalizeFunctions<T>& functions_;
  LrnShape<T> shape_;
  int64_t slots_;
  bool keeps_scale_;
};

template <class T>
class BackwardPlan final : public dlr_plan {
 public:
  BackwardPlan(const Device& device, const LrnShape<T>& shape, WorkspaceLayout& workspace)
      : functions_(functions<T>(device.isa()).normalize),
        shape_(shape),
        slots_(slots_for(device, shape)),
        ratio_size_(shape.args.channels * piece_pixels(shape)),
        ratio_at_(workspace.add<T>(slots_ * ratio_size_)) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    const T* y = args.arg<const T>(1);
    const T* dy = args.arg<const T>(2);
    T* dx = args.arg<T>(3);
    const T* scale = args.reserve<const T>();
    for_each_piece(shape_, slots_, [&](int64_t slot, int64_t at, const LrnArgs<T>& lrn) {
      T* ratio = piece<T>(args.workspace(), ratio_at_) + slot * ratio_size_;
      functions_.lrn_gradient(lrn, x + at, y + at, dy + at, scale + at, dx + at, ratio);
    });
  }

 private:
  const NormalizeFunctions<T>& functions_;
  LrnShape<T> shape_;
  int64_t slots_;
  int64_t ratio_size_;
  int64_t ratio_at_;  // in the workspace
};

}  // namespace

std::unique_ptr<dlr_plan> plan_lrn_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    const bool training = op.integer("training", 1) != 0;
    if (training) op.desc().reserve_bytes = static_cast<uint64_t>(op.shape(0).count()) * sizeof(T);
    return std::make_unique<ForwardPlan<T>>(device, read_shape<T>(op), training);
  });
}

std::unique_ptr<dlr_plan> plan_lrn_backward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    op.desc().reserve_bytes = static_cast<uint64_t>(op.shape(0).count()) * sizeof(T);
    return with_workspace(op, [&](WorkspaceLayout& workspace) {
      return std::make_unique<BackwardPlan<T>>(device, read_shape<T>(op), workspace);
    });
  });
}

}  // namespace dlrun::cpu
