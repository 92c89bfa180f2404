// The onednn device's pooling against plain loops.
#include <limits>

#include "tests/unit/device_onednn_host.hpp"

using namespace device_test;

namespace {

struct Case {
  int64_t channels, in, kernel, stride, pad, out;
};

// Windows that fit, that reach beyond the input, that overlap, that have padding.
const std::vector<Case> kCases = {
    {20, 24, 2, 2, 0, 12}, {50, 8, 2, 2, 0, 4}, {16, 13, 3, 2, 0, 6}, {8, 14, 3, 2, 0, 7},
    {64, 14, 3, 2, 0, 7},  {5, 9, 3, 1, 1, 9},  {8, 10, 3, 2, 1, 6},
};
constexpr int64_t kImages = 3;

dlrun::Shape x_shape(const Case& c) {
  return {kImages, c.channels, c.in, c.in};
}
dlrun::Shape y_shape(const Case& c) {
  return {kImages, c.channels, c.out, c.out};
}

dlrun::OperatorDesc describe(const std::string& op, const Case& c, const dlrun::Shape& from,
                             const dlrun::Shape& to, int64_t training = 1) {
  dlrun::OperatorDesc desc(op);
  desc.attribute("kernel", {c.kernel, c.kernel}).attribute("stride", {c.stride, c.stride});
  desc.attribute("pad", {c.pad, c.pad});
  const bool is_max = op.find("max") != std::string::npos;
  if (is_max) desc.attribute("training", training).attribute("pair", 0);
  return desc.argument(from, DLR_F32).argument(to, DLR_F32);
}

// Calls use(y index, x index, elements of the window clipped to the padded input) for each element
// of each window.
template <class Use>
void for_each_window_element(const Case& c, Use use) {
  for (int64_t plane = 0; plane < kImages * c.channels; ++plane) {
    for (int64_t p = 0; p < c.out * c.out; ++p) {
      const int64_t top = p / c.out * c.stride - c.pad;
      const int64_t left = p % c.out * c.stride - c.pad;
      const int64_t bottom = std::min(top + c.kernel, c.in + c.pad);
      const int64_t right = std::min(left + c.kernel, c.in + c.pad);
      const int64_t size = (bottom - top) * (right - left);
      for (int64_t row = std::max<int64_t>(top, 0); row < std::min(bottom, c.in); ++row) {
        for (int64_t col = std::max<int64_t>(left, 0); col < std::min(right, c.in); ++col) {
          use(static_cast<size_t>(plane * c.out * c.out + p),
              static_cast<size_t>((plane * c.in + row) * c.in + col), size);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("onednn pools by maximum, forward and backward") {
  const DevicePlugin onednn(onednn_file());
  for (const Case& c : kCases) {
    CAPTURE(c.channels);
    const std::vector<float> x = random_floats(x_shape(c).count(), 1);
    const std::vector<float> dy = random_floats(y_shape(c).count(), 2);
    std::vector<float> y(dy.size(), -std::numeric_limits<float>::infinity());
    std::vector<size_t> from(dy.size());
    for_each_window_element(c, [&](size_t to, size_t at, int64_t) {
      if (x[at] > y[to]) {
        y[to] = x[at];
        from[to] = at;
      }
    });
    std::vector<float> dx(x.size());
    for (size_t i = 0; i < dy.size(); ++i)
      dx[from[i]] += dy[i];

    RunnableOp forward(onednn, describe("pooling_max_forward", c, x_shape(c), y_shape(c)), {x, dy});
    RunnableOp inference(onednn, describe("pooling_max_forward", c, x_shape(c), y_shape(c), 0),
                         {x, dy});
    inference.run();
    CHECK(largest_difference(inference.result(1), y) == 0);

    RunnableOp backward(onednn, describe("pooling_max_backward", c, y_shape(c), x_shape(c)),
                        {dy, x});
    CHECK(forward.reserve_bytes == backward.reserve_bytes);
    const Bytes reserve(forward.reserve_bytes);
    forward.run(reserve.mem());
    backward.run(reserve.mem());
    CHECK(reserve.intact());
    CHECK(largest_difference(forward.result(1), y) == 0);
    CHECK(largest_difference(backward.result(1), dx) < 1e-6);
  }
}

TEST_CASE("onednn pools by average, forward and backward") {
  const DevicePlugin onednn(onednn_file());
  for (const Case& c : kCases) {
    CAPTURE(c.channels);
    const std::vector<float> x = random_floats(x_shape(c).count(), 1);
    const std::vector<float> dy = random_floats(y_shape(c).count(), 2);
    std::vector<float> y(dy.size());
    std::vector<float> dx(x.size());
    for_each_window_element(c, [&](size_t to, size_t at, int64_t size) {
      y[to] += x[at] / static_cast<float>(size);
      dx[at] += dy[to] / static_cast<float>(size);
    });
    RunnableOp forward(onednn, describe("pooling_average_forward", c, x_shape(c), y_shape(c)),
                       {x, dy});
    RunnableOp backward(onednn, describe("pooling_average_backward", c, y_shape(c), x_shape(c)),
                        {dy, x});
    forward.run();
    backward.run();
    CHECK(largest_difference(forward.result(1), y) < 1e-6);
    CHECK(largest_difference(backward.result(1), dx) < 1e-6);
  }
}

TEST_CASE("onednn leaves the pooling of plain tensors to the host") {
  const DevicePlugin onednn(onednn_file());
  const Case c{8, 10, 3, 2, 1, 6};
  dlrun::OperatorDesc op("pooling_average_forward");
  op.attribute("kernel", {3, 3}).attribute("stride", {2, 2}).attribute("pad", {1, 1});
  op.argument(x_shape(c), DLR_F32, DLR_LAYOUT_PLAIN).argument(y_shape(c), DLR_F32);
  CHECK_THROWS_WITH_AS(onednn.plan(op), doctest::Contains("plain tensors"), Refused);
}

TEST_CASE("onednn pools in the layout that a convolution leaves") {
  const DevicePlugin onednn(onednn_file());
  for (const int64_t channels : {20, 64}) {
    CAPTURE(channels);
    dlrun::OperatorDesc convolution("convolution_forward");
    convolution.attribute("kernel", {5, 5});
    convolution.argument({kImages, 16, 28, 28}, DLR_F32)
        .argument({channels, 16, 5, 5}, DLR_F32)
        .no_argument();
    convolution.argument({kImages, channels, 24, 24}, DLR_F32);
    const Case c{channels, 24, 2, 2, 0, 12};
    const RunnableOp before(onednn, convolution,
                            {random_floats(kImages * 16 * 784, 1),
                             random_floats(channels * 16 * 25, 2),
                             {},
                             random_floats(y_shape(c).count() * 4, 3)});
    const RunnableOp pooling(
        onednn, describe("pooling_max_forward", c, x_shape(c), y_shape(c)),
        {random_floats(x_shape(c).count(), 1), random_floats(y_shape(c).count(), 2)});
    CHECK(pooling.operands[0].desc.layout == before.operands[3].desc.layout);
  }
}
