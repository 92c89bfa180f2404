// The cpu device's convolutions, forward and backward, against plain loops over many shapes.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::Data;
using device_test::DevicePlugin;
using Extents = std::vector<int64_t>;

struct Case {
  const char* what;
  int64_t images, group, in_channels, out_channels;
  Extents in, kernel, stride, pad, dilation;

  Extents out() const {
    Extents out;
    for (size_t i = 0; i < in.size(); ++i) {
      out.push_back((in[i] + 2 * pad[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1);
    }
    return out;
  }
};

int64_t product(const Extents& e) {
  int64_t p = 1;
  for (const int64_t v : e)
    p *= v;
  return p;
}

// Row-major index `i` of `extents` as coordinates.
Extents coordinates(int64_t i, const Extents& extents) {
  Extents at(extents.size());
  for (size_t axis = extents.size(); axis-- > 0;) {
    at[axis] = i % extents[axis];
    i /= extents[axis];
  }
  return at;
}

// Calls use(x index, w index, y index, output channel) for every product that the convolution adds
// up.
template <class Use>
void for_each_product(const Case& c, Use&& use) {
  const Extents out = c.out();
  const int64_t pixels = product(out), taps = product(c.kernel), in_size = product(c.in);
  const int64_t channels = c.in_channels / c.group, rows = c.out_channels / c.group;
  for (int64_t n = 0; n < c.images; ++n) {
    for (int64_t k = 0; k < c.out_channels; ++k) {
      for (int64_t p = 0; p < pixels; ++p) {
        const Extents position = coordinates(p, out);
        for (int64_t t = 0; t < taps; ++t) {
          const Extents tap = coordinates(t, c.kernel);
          int64_t at = 0;
          bool inside = true;
          for (size_t axis = 0; axis < out.size(); ++axis) {
            const int64_t i =
                position[axis] * c.stride[axis] - c.pad[axis] + tap[axis] * c.dilation[axis];
            inside = inside && i >= 0 && i < c.in[axis];
            at = at * c.in[axis] + i;
          }
          if (!inside) continue;
          for (int64_t ch = 0; ch < channels; ++ch) {
            const int64_t from = k / rows * channels + ch;
            use((n * c.in_channels + from) * in_size + at, (k * channels + ch) * taps + t,
                (n * c.out_channels + k) * pixels + p, k);
          }
        }
      }
    }
  }
}

dlrun::Shape shape_of(int64_t a, int64_t b, const Extents& spatial) {
  dlrun::Shape shape{a, b};
  for (const int64_t extent : spatial)
    shape.push_back(extent);
  return shape;
}

dlrun::Shape x_shape(const Case& c) {
  return shape_of(c.images, c.in_channels, c.in);
}
dlrun::Shape w_shape(const Case& c) {
  return shape_of(c.out_channels, c.in_channels / c.group, c.kernel);
}
dlrun::Shape y_shape(const Case& c) {
  return shape_of(c.images, c.out_channels, c.out());
}

dlrun::OperatorDesc describe(const std::string& op, const Case& c) {
  dlrun::OperatorDesc desc(op);
  desc.attribute("kernel", c.kernel).attribute("stride", c.stride).attribute("pad", c.pad);
  desc.attribute("dilation", c.dilation).attribute("group", c.group);
  return desc;
}

template <class T>
void check_forward(const DevicePlugin& plugin, const Case& c, bool with_bias) {
  Data<T> x(x_shape(c).count(), 1), w(w_shape(c).count(), 2), bias(c.out_channels, 3),
      y(y_shape(c).count());
  std::vector<double> expected(static_cast<size_t>(y.count()));
  if (with_bias) {
    const int64_t pixels = product(c.out());
    for (size_t i = 0; i < expected.size(); ++i) {
      expected[i] = bias[static_cast<int64_t>(i) / pixels % c.out_channels];
    }
  }
  for_each_product(c, [&](int64_t at_x, int64_t at_w, int64_t at_y, int64_t) {
    expected[static_cast<size_t>(at_y)] += double(x[at_x]) * double(w[at_w]);
  });
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op = describe("convolution_forward", c);
  op.argument(x_shape(c), dtype).argument(w_shape(c), dtype);
  with_bias ? op.argument({c.out_channels}, dtype) : op.no_argument();
  op.argument(y_shape(c), dtype);
  plugin.plan(op)->run({x.mem(), w.mem(), with_bias ? bias.mem() : dlr_mem{}, y.mem()});
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
}

// With a bias it is the forward of a transposed convolution, an operator of its own.
template <class T>
void check_backward_data(const DevicePlugin& plugin, const Case& c, bool with_bias,
                         bool accumulate) {
  Data<T> dy(y_shape(c).count(), 1), w(w_shape(c).count(), 2), dx(x_shape(c).count()),
      bias(c.in_channels, 3);
  if (accumulate) std::fill(dx.begin(), dx.end(), T(0.25));
  std::vector<double> expected(static_cast<size_t>(dx.count()), accumulate ? 0.25 : 0.0);
  for (int64_t i = 0; with_bias && i < dx.count(); ++i)
    expected[static_cast<size_t>(i)] += double(bias[i / product(c.in) % c.in_channels]);
  for_each_product(c, [&](int64_t at_x, int64_t at_w, int64_t at_y, int64_t) {
    expected[static_cast<size_t>(at_x)] += double(dy[at_y]) * double(w[at_w]);
  });
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op =
      describe(with_bias ? "deconvolution_forward" : "convolution_backward_data", c);
  op.argument(y_shape(c), dtype).argument(w_shape(c), dtype);
  if (with_bias) op.argument({c.in_channels}, dtype);
  op.argument(x_shape(c), dtype);
  if (accumulate) op.accumulate();
  const auto plan = plugin.plan(op);
  CHECK(plan->accumulates == accumulate);
  std::vector<dlr_mem> mems = {dy.mem(), w.mem(), dx.mem()};
  if (with_bias) mems.insert(mems.begin() + 2, bias.mem());
  plan->run(mems);
  CHECK(device_test::largest_difference(dx, expected) < device_test::tolerance<T>());
}

template <class T>
void check_backward_weights(const DevicePlugin& plugin, const Case& c, bool with_bias,
                            bool accumulate) {
  Data<T> x(x_shape(c).count(), 1), dy(y_shape(c).count(), 2), dw(w_shape(c).count()),
      dbias(c.out_channels);
  if (accumulate) {
    std::fill(dw.begin(), dw.end(), T(0.25));
    std::fill(dbias.begin(), dbias.end(), T(0.5));
  }
  std::vector<double> expected(static_cast<size_t>(dw.count()), accumulate ? 0.25 : 0.0);
  std::vector<double> expected_bias(static_cast<size_t>(c.out_channels), accumulate ? 0.5 : 0.0);
  for_each_product(c, [&](int64_t at_x, int64_t at_w, int64_t at_y, int64_t) {
    expected[static_cast<size_t>(at_w)] += double(x[at_x]) * double(dy[at_y]);
  });
  const int64_t pixels = product(c.out());
  for (int64_t i = 0; i < dy.count(); ++i)
    expected_bias[static_cast<size_t>(i / pixels % c.out_channels)] += double(dy[i]);
  const uint32_t dtype = device_test::dtype_of<T>();
  dlrun::OperatorDesc op = describe("convolution_backward_weights", c);
  op.argument(x_shape(c), dtype).argument(y_shape(c), dtype).argument(w_shape(c), dtype);
  with_bias ? op.argument({c.out_channels}, dtype) : op.no_argument();
  if (accumulate) op.accumulate();
  const auto plan = plugin.plan(op);
  CHECK(plan->accumulates == accumulate);
  plan->run({x.mem(), dy.mem(), dw.mem(), with_bias ? dbias.mem() : dlr_mem{}});
  CHECK(device_test::largest_difference(dw, expected) < device_test::tolerance<T>());
  if (with_bias)
    CHECK(device_test::largest_difference(dbias, expected_bias) < device_test::tolerance<T>());
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"one pixel", 1, 1, 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
      {"LeNet's first", 6, 1, 1, 20, {28, 28}, {5, 5}, {1, 1}, {0, 0}, {1, 1}},
      {"LeNet's second", 5, 1, 20, 50, {12, 12}, {5, 5}, {1, 1}, {0, 0}, {1, 1}},
      {"strided 11x11", 2, 1, 3, 13, {43, 43}, {11, 11}, {4, 4}, {0, 0}, {1, 1}},
      {"padded and grouped 5x5", 3, 2, 6, 14, {9, 9}, {5, 5}, {1, 1}, {2, 2}, {1, 1}},
      {"padded 3x3 over 13x13", 4, 1, 7, 17, {13, 13}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {"deep", 1, 1, 150, 9, {5, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {"many rows", 2, 1, 5, 130, {6, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {"1x1", 3, 1, 11, 7, {7, 7}, {1, 1}, {1, 1}, {0, 0}, {1, 1}},
      {"1x1 strided", 3, 1, 11, 7, {7, 8}, {1, 1}, {2, 2}, {0, 0}, {1, 1}},
      {"strided and padded", 2, 1, 4, 5, {11, 8}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
      {"unequal axes", 2, 1, 3, 4, {10, 17}, {3, 2}, {2, 1}, {0, 3}, {1, 2}},
      {"dilated", 2, 1, 3, 6, {12, 12}, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
      {"more padding than kernel", 2, 1, 3, 4, {5, 5}, {2, 2}, {1, 1}, {3, 3}, {1, 1}},
      {"depthwise", 3, 10, 10, 10, {9, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
      {"depthwise strided, with multiplier", 2, 6, 6, 12, {9, 9}, {3, 3}, {2, 2}, {1, 1}, {1, 1}},
      {"whole image", 7, 1, 3, 10, {4, 4}, {4, 4}, {1, 1}, {0, 0}, {1, 1}},
      {"one axis", 4, 1, 5, 8, {23}, {3}, {2}, {1}, {1}},
      {"three axes", 2, 2, 4, 6, {5, 6, 7}, {3, 2, 3}, {1, 2, 1}, {1, 0, 1}, {1, 1, 1}},
  };
  return all;
}

}  // namespace

TEST_CASE(
    "convolutions agree with plain loops on every shape, forward and backward, in float32 and "
    "float64") {
  for (const char* isa : {"baseline", ""}) {
    for (const uint64_t threads : {1, 2, 5}) {
      const DevicePlugin plugin(device_test::plugin_file(), threads, isa);
      for (const Case& c : cases()) {
        CAPTURE(c.what);
        CAPTURE(threads);
        CAPTURE(isa);
        check_forward<float>(plugin, c, true);
        check_forward<double>(plugin, c, false);
        check_backward_data<float>(plugin, c, false, false);
        check_backward_data<double>(plugin, c, false, true);
        check_backward_data<float>(plugin, c, true, false);
        check_backward_data<double>(plugin, c, true, true);
        check_backward_weights<float>(plugin, c, true, false);
        check_backward_weights<double>(plugin, c, false, false);
        check_backward_weights<double>(plugin, c, true, true);
      }
    }
  }
}

TEST_CASE("a convolution repeats its gradients bit for bit") {
  const DevicePlugin plugin(device_test::plugin_file());
  const Case c{"", 12, 1, 20, 50, {12, 12}, {5, 5}, {1, 1}, {0, 0}, {1, 1}};
  Data<float> x(x_shape(c).count(), 1), dy(y_shape(c).count(), 2), dw(w_shape(c).count()),
      dbias(c.out_channels);
  dlrun::OperatorDesc op = describe("convolution_backward_weights", c);
  op.argument(x_shape(c), DLR_F32).argument(y_shape(c), DLR_F32).argument(w_shape(c), DLR_F32);
  op.argument({c.out_channels}, DLR_F32);
  const auto plan = plugin.plan(op);
  plan->run({x.mem(), dy.mem(), dw.mem(), dbias.mem()});
  const std::vector<float> first = dw.copy(), first_bias = dbias.copy();
  for (int i = 0; i < 20; ++i) {
    plan->run({x.mem(), dy.mem(), dw.mem(), dbias.mem()});
    CHECK(dw.copy() == first);
    CHECK(dbias.copy() == first_bias);
  }
}

TEST_CASE("a convolution whose shapes don't fit together is an error that shows them") {
  const DevicePlugin plugin(device_test::plugin_file());
  const Case c{"", 1, 1, 2, 3, {5, 5}, {3, 3}, {1, 1}, {0, 0}, {1, 1}};
  dlrun::OperatorDesc op = describe("convolution_forward", c);
  op.argument(x_shape(c), DLR_F32)
      .argument(w_shape(c), DLR_F32)
      .no_argument()
      .argument({1, 3, 4, 4}, DLR_F32);
  CHECK(device_test::refusal(plugin, op) ==
        "not declined but: convolution_forward: shapes 1x2x5x5, 3x2x3x3 and 1x3x4x4 don't fit "
        "together");
}
