// pooling.cpp: the operators pooling_max_* and pooling_average_*, over any number of spatial axes.
//
// A plane (one channel of one image) is taken row by row: the windows of a row of output cover a
// fixed list of rows of input, and along the last axis they slide.
#include "device_state.hpp"
#include "isa/choose.hpp"
#include "parallel.hpp"
#include "plan.hpp"
#include "window.hpp"

#include <climits>
#include <cstring>

namespace dlrun::cpu {
namespace {

// The rows of input under one row of windows.
struct RowSpan {
  int32_t first;  // in PoolingShape::rows
  int32_t count;
  int64_t
      size;  // rows of a window, clipped to the padded image, whether or not there is input in them
};

struct PoolingShape {
  int64_t planes;
  int64_t in;  // elements of a plane
  int64_t out;
  PoolingAxis axis;            // the last one
  std::vector<RowSpan> spans;  // of each row of windows
  std::vector<int32_t> rows;   // where they begin in the plane
};

// Windows along one axis are clipped to the padded image.
int64_t clipped(const Window& window, size_t axis, int64_t position) {
  const int64_t begin = position * window.stride[axis] - window.pad[axis];
  return std::min(begin + window.kernel[axis], window.in[axis] + window.pad[axis]) - begin;
}

// Appends the rows that the windows at `index` (row-major, of the leading axes) cover.
void add_span(const Window& window, int64_t index, PoolingShape& shape) {
  const size_t leading = window.in.size() - 1;
  std::vector<int32_t> rows{0};
  int64_t size = 1;
  int64_t remaining = index;
  Extents position(leading);
  for (size_t axis = leading; axis-- > 0;) {
    position[axis] = remaining % window.out[axis];
    remaining /= window.out[axis];
  }
  for (size_t axis = 0; axis < leading; ++axis) {
    const int64_t begin = position[axis] * window.stride[axis] - window.pad[axis];
    const int64_t first = std::max<int64_t>(begin, 0),
                  last = std::min(begin + window.kernel[axis], window.in[axis]);
    size *= clipped(window, axis, position[axis]);
    std::vector<int32_t> finer;
    for (const int32_t row : rows) {
      for (int64_t i = first; i < last; ++i)
        finer.push_back(static_cast<int32_t>(row * window.in[axis] + i));
    }
    rows = std::move(finer);
  }
  shape.spans.push_back(
      {static_cast<int32_t>(shape.rows.size()), static_cast<int32_t>(rows.size()), size});
  for (const int32_t row : rows)
    shape.rows.push_back(static_cast<int32_t>(row * window.in.back()));
}

PoolingAxis make_axis(const Window& window) {
  PoolingAxis axis{window.in.back(),
                   window.out.back(),
                   window.kernel.back(),
                   window.stride.back(),
                   window.pad.back(),
                   0,
                   0};
  const int64_t last = axis.in + axis.pad - axis.kernel;  // of a whole window, times the stride
  axis.whole_end = last < 0 ? 0 : std::min(axis.out, last / axis.stride + 1);
  axis.whole_begin = std::min(axis.whole_end, (axis.pad + axis.stride - 1) / axis.stride);
  return axis;
}

PoolingShape make_shape(const OpView& op, const Shape& x, const Shape& y) {
  if (x.rank() < 3 || y.rank() != x.rank() || y[0] != x[0] || y[1] != x[1]) {
    throw Error(std::string(op.op()) + ": shapes " + x.text() + " and " + y.text() +
                " don't fit together");
  }
  const Window window = read_window(op, x, y);
  for (size_t axis = 0; axis < window.in.size(); ++axis) {
    if (window.dilation[axis] != 1) throw Declined("pooling windows with dilation");
    if (window.pad[axis] >= window.kernel[axis] || window.out[axis] < 1 ||
        (window.out[axis] - 1) * window.stride[axis] - window.pad[axis] >= window.in[axis]) {
      throw Declined("pooling windows that hold no input");
    }
  }
  if (window.in_count() > INT_MAX) throw Declined("an image has more than 2147483647 elements");
  PoolingShape shape{};
  shape.planes = x[0] * x[1];
  shape.in = window.in_count();
  shape.out = window.out_count();
  shape.axis = make_axis(window);
  for (int64_t i = 0; i < shape.out / shape.axis.out; ++i)
    add_span(window, i, shape);
  return shape;
}

// Calls body(plane) for each plane, in parallel.
template <class Body>
void for_each_plane(const PoolingShape& shape, Body&& body) {
  parallel_for(shape.planes, grain_for(shape.in), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane)
      body(plane);
  });
}

template <class T>
class MaxForwardPlan final : public dlr_plan {
 public:
  MaxForwardPlan(const Device& device, PoolingShape shape, bool keeps_argmax)
      : functions_(functions<T>(device.isa()).pooling),
        shape_(std::move(shape)),
        keeps_argmax_(keeps_argmax) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    T* y = args.arg<T>(1);
    int32_t* argmax = keeps_argmax_ ? args.reserve<int32_t>() : nullptr;
    for_each_plane(shape_, [&](int64_t plane) {
      int64_t at = plane * shape_.out;
      for (const RowSpan& span : shape_.spans) {
        functions_.max(shape_.axis, x + plane * shape_.in, shape_.rows.data() + span.first,
                       span.count, y + at, argmax == nullptr ? nullptr : argmax + at);
        at += shape_.axis.out;
      }
    });
  }

 private:
  const PoolingFunctions<T>& functions_;
  PoolingShape shape_;
  bool keeps_argmax_;
};

template <class T>
class MaxBackwardPlan final : public dlr_plan {
 public:
  MaxBackwardPlan(PoolingShape shape, bool add) : shape_(std::move(shape)), add_(add) {}

  void run(const RunArgs& args) override {
    const T* dy = args.arg<const T>(0);
    T* dx = args.arg<T>(1);
    const int32_t* argmax = args.reserve<const int32_t>();
    for_each_plane(shape_, [&](int64_t plane) {
      T* to = dx + plane * shape_.in;
      if (!add_) std::memset(to, 0, static_cast<size_t>(shape_.in) * sizeof(T));
      const int64_t begin = plane * shape_.out, end = begin + shape_.out;
      for (int64_t i = begin; i < end; ++i)
        to[argmax[i]] += dy[i];
    });
  }

 private:
  PoolingShape shape_;
  bool add_;
};

// What each window of the output is divided by.
template <class T>
std::vector<T> window_sizes(const PoolingShape& shape) {
  const PoolingAxis& axis = shape.axis;
  std::vector<T> sizes;
  for (const RowSpan& span : shape.spans) {
    for (int64_t i = 0; i < axis.out; ++i) {
      const int64_t begin = i * axis.stride - axis.pad;
      sizes.push_back(
          static_cast<T>(span.size * (std::min(begin + axis.kernel, axis.in + axis.pad) - begin)));
    }
  }
  return sizes;
}

template <class T>
class AverageForwardPlan final : public dlr_plan {
 public:
  AverageForwardPlan(const Device& device, PoolingShape shape)
      : functions_(functions<T>(device.isa()).pooling),
        shape_(std::move(shape)),
        sizes_(window_sizes<T>(shape_)) {}

  void run(const RunArgs& args) override {
    const T* x = args.arg<const T>(0);
    T* y = args.arg<T>(1);
    for_each_plane(shape_, [&](int64_t plane) {
      int64_t at = 0;
      for (const RowSpan& span : shape_.spans) {
        functions_.average(shape_.axis, x + plane * shape_.in, shape_.rows.data() + span.first,
                           span.count, sizes_.data() + at, y + plane * shape_.out + at);
        at += shape_.axis.out;
      }
    });
  }

 private:
  const PoolingFunctions<T>& functions_;
  PoolingShape shape_;
  std::vector<T> sizes_;
};

template <class T>
class AverageBackwardPlan final : public dlr_plan {
 public:
  AverageBackwardPlan(const Device& device, PoolingShape shape, bool add)
      : functions_(functions<T>(device.isa()).pooling),
        shape_(std::move(shape)),
        sizes_(window_sizes<T>(shape_)),
        add_(add) {}

  void run(const RunArgs& args) override {
    const T* dy = args.arg<const T>(0);
    T* dx = args.arg<T>(1);
    for_each_plane(shape_, [&](int64_t plane) {
      T* to = dx + plane * shape_.in;
      if (!add_) std::memset(to, 0, static_cast<size_t>(shape_.in) * sizeof(T));
      int64_t at = 0;
      for (const RowSpan& span : shape_.spans) {
        functions_.spread(shape_.axis, dy + plane * shape_.out + at, sizes_.data() + at,
                          shape_.rows.data() + span.first, span.count, to);
        at += shape_.axis.out;
      }
    });
  }

 private:
  const PoolingFunctions<T>& functions_;
  PoolingShape shape_;
  std::vector<T> sizes_;
  bool add_;
};

}  // namespace

std::unique_ptr<dlr_plan> plan_pooling_max_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    PoolingShape shape = make_shape(op, op.shape(0), op.shape(1));
    const bool training = op.integer("training", 1) != 0;
    if (training)
      op.desc().reserve_bytes = static_cast<uint64_t>(shape.planes * shape.out) * sizeof(int32_t);
    return std::make_unique<MaxForwardPlan<T>>(device, std::move(shape), training);
  });
}

std::unique_ptr<dlr_plan> plan_pooling_max_backward(const Device&, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    PoolingShape shape = make_shape(op, op.shape(1), op.shape(0));
    op.desc().accumulate_accepted = op.desc().accumulate;
    op.desc().reserve_bytes = static_cast<uint64_t>(shape.planes * shape.out) * sizeof(int32_t);
    return std::make_unique<MaxBackwardPlan<T>>(std::move(shape), op.desc().accumulate != 0);
  });
}

std::unique_ptr<dlr_plan> plan_pooling_average_forward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    return std::make_unique<AverageForwardPlan<T>>(device,
                                                   make_shape(op, op.shape(0), op.shape(1)));
  });
}

std::unique_ptr<dlr_plan> plan_pooling_average_backward(const Device& device, const OpView& op) {
  return for_type(accept_plain_floats(op), [&]<class T>() -> std::unique_ptr<dlr_plan> {
    PoolingShape shape = make_shape(op, op.shape(1), op.shape(0));
    op.desc().accumulate_accepted = op.desc().accumulate;
    return std::make_unique<AverageBackwardPlan<T>>(device, std::move(shape),
                                                    op.desc().accumulate != 0);
  });
}

}  // namespace dlrun::cpu
