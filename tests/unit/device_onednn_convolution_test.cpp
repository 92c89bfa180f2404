// The onednn device's convolutions against plain loops, in the layouts that it chooses.
#include <chrono>
#include <cstdio>
#include <numeric>

#include "tests/unit/device_onednn_host.hpp"

using namespace device_test;

namespace {

using Extents = std::vector<int64_t>;

struct Case {
  int64_t n, c, k, group;
  Extents in, kernel, stride, pad, dilation;

  size_t axes() const { return in.size(); }
  Extents out() const {
    Extents out;
    for (size_t a = 0; a < axes(); ++a) {
      out.push_back((in[a] + 2 * pad[a] - dilation[a] * (kernel[a] - 1) - 1) / stride[a] + 1);
    }
    return out;
  }
};

int64_t product(const Extents& e) {
  return std::accumulate(e.begin(), e.end(), int64_t{1}, std::multiplies<>());
}

dlrun::Shape shape(int64_t outer, int64_t inner, const Extents& spatial) {
  dlrun::Shape shape{outer, inner};
  for (const int64_t extent : spatial)
    shape.push_back(extent);
  return shape;
}
dlrun::Shape x_shape(const Case& c) {
  return shape(c.n, c.c, c.in);
}
dlrun::Shape w_shape(const Case& c) {
  return shape(c.k, c.c / c.group, c.kernel);
}
dlrun::Shape y_shape(const Case& c) {
  return shape(c.n, c.k, c.out());
}

// The place in the input that tap `t` of output pixel `p` reads, or -1 in the padding.
int64_t input_place(const Case& c, int64_t p, int64_t t) {
  const Extents out = c.out();
  int64_t place = 0;
  int64_t stride = 1;
  for (size_t a = c.axes(); a-- > 0;) {
    const int64_t at = p % out[a] * c.stride[a] - c.pad[a] + t % c.kernel[a] * c.dilation[a];
    if (at < 0 || at >= c.in[a]) return -1;
    place += at * stride;
    stride *= c.in[a];
    p /= out[a];
    t /= c.kernel[a];
  }
  return place;
}

// Calls use(x, w, y) with the indices of each product of the sum.
template <class Use>
void for_each_product(const Case& c, Use use) {
  const int64_t pixels = product(c.out());
  const int64_t taps = product(c.kernel);
  const int64_t in_pixels = product(c.in);
  const int64_t c_group = c.c / c.group;
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t at = input_place(c, p, t);
      if (at < 0) continue;
      for (int64_t n = 0; n < c.n; ++n) {
        for (int64_t k = 0; k < c.k; ++k) {
          for (int64_t i = 0; i < c_group; ++i) {
            const int64_t channel = k / (c.k / c.group) * c_group + i;
            use(static_cast<size_t>((n * c.c + channel) * in_pixels + at),
                static_cast<size_t>((k * c_group + i) * taps + t),
                static_cast<size_t>((n * c.k + k) * pixels + p));
          }
        }
      }
    }
  }
}

// Adds to every element of y its channel's bias; or the other way round.
template <class Use>
void for_each_bias(const Case& c, Use use) {
  const int64_t pixels = product(c.out());
  for (int64_t i = 0; i < c.n * c.k * pixels; ++i) {
    use(static_cast<size_t>(i / pixels % c.k), static_cast<size_t>(i));
  }
}

std::vector<float> floats(const std::vector<double>& doubles) {
  return {doubles.begin(), doubles.end()};
}

dlrun::OperatorDesc describe(const std::string& op, const Case& c) {
  dlrun::OperatorDesc desc(op);
  desc.attribute("kernel", c.kernel).attribute("stride", c.stride).attribute("pad", c.pad);
  desc.attribute("dilation", c.dilation).attribute("group", c.group);
  return desc;
}

dlrun::OperatorDesc forward(const Case& c, bool bias = true) {
  dlrun::OperatorDesc op = describe("convolution_forward", c);
  op.argument(x_shape(c), DLR_F32).argument(w_shape(c), DLR_F32);
  bias ? op.argument({c.k}, DLR_F32) : op.no_argument();
  return op.argument(y_shape(c), DLR_F32);
}
dlrun::OperatorDesc backward_data(const Case& c) {
  dlrun::OperatorDesc op = describe("convolution_backward_data", c);
  return op.argument(y_shape(c), DLR_F32)
      .argument(w_shape(c), DLR_F32)
      .argument(x_shape(c), DLR_F32);
}
dlrun::OperatorDesc backward_weights(const Case& c, bool bias = true) {
  dlrun::OperatorDesc op = describe("convolution_backward_weights", c);
  op.argument(x_shape(c), DLR_F32).argument(y_shape(c), DLR_F32).argument(w_shape(c), DLR_F32);
  return bias ? op.argument({c.k}, DLR_F32) : op.no_argument();
}

struct Numbers {
  explicit Numbers(const Case& c)
      : x(random_floats(x_shape(c).count(), 1)),
        w(random_floats(w_shape(c).count(), 2)),
        bias(random_floats(c.k, 3)),
        dy(random_floats(y_shape(c).count(), 4)) {}
  std::vector<float> x, w, bias, dy;
};

std::vector<float> expected_forward(const Case& c, const Numbers& numbers, bool bias) {
  std::vector<double> y(numbers.dy.size());
  for_each_product(
      c, [&](size_t x, size_t w, size_t to) { y[to] += double{numbers.x[x]} * numbers.w[w]; });
  if (bias) for_each_bias(c, [&](size_t b, size_t to) { y[to] += numbers.bias[b]; });
  return floats(y);
}

const std::vector<Case> kCases = {
    {2, 1, 20, 1, {28, 28}, {5, 5}, {1, 1}, {0, 0}, {1, 1}},
    {2, 20, 50, 1, {12, 12}, {5, 5}, {1, 1}, {0, 0}, {1, 1}},
    {1, 3, 16, 1, {13, 10}, {3, 4}, {2, 3}, {1, 2}, {1, 1}},
    {2, 8, 8, 1, {9, 9}, {3, 3}, {1, 1}, {2, 2}, {2, 2}},
    {2, 16, 32, 2, {7, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {1, 24, 24, 24, {8, 8}, {3, 3}, {1, 1}, {1, 1}, {1, 1}},
    {3, 5, 7, 1, {11}, {3}, {1}, {1}, {1}},
    {1, 4, 6, 1, {5, 6, 7}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
};

// Unless the device says that it has only its reference code, which depends on the machine.
template <class Use>
void unless_declined(const Use& use) {
  try {
    use();
  } catch (const Refused& refused) {
    REQUIRE(refused.code == DLR_UNIMPLEMENTED);
    MESSAGE(refused.what());
    CHECK(std::string(refused.what()).find("reference code") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("onednn convolves forward") {
  const DevicePlugin onednn(onednn_file());
  for (const Case& c : kCases) {
    CAPTURE(c.c);
    const Numbers numbers(c);
    for (const bool bias : {true, false}) {
      unless_declined([&] {
        RunnableOp op(onednn, forward(c, bias), {numbers.x, numbers.w, numbers.bias, numbers.dy});
        op.run();
        CHECK(largest_difference(op.result(3), expected_forward(c, numbers, bias)) < 1e-5);
      });
    }
  }
}

TEST_CASE("onednn convolves backward to the data") {
  const DevicePlugin onednn(onednn_file());
  for (const Case& c : kCases) {
    CAPTURE(c.c);
    const Numbers numbers(c);
    std::vector<double> dx(numbers.x.size());
    for_each_product(
        c, [&](size_t x, size_t w, size_t y) { dx[x] += double{numbers.dy[y]} * numbers.w[w]; });
    unless_declined([&] {
      RunnableOp op(onednn, backward_data(c), {numbers.dy, numbers.w, numbers.x});
      op.run();
      CHECK(largest_difference(op.result(2), floats(dx)) < 1e-5);
    });
  }
}

TEST_CASE("onednn convolves transposed, with a bias and fused activations") {
  const DevicePlugin onednn(onednn_file());
  int n_run = 0;
  for (const Case& c : kCases) {
    CAPTURE(c.c);
    const Numbers numbers(c);
    const std::vector<float> bias = random_floats(c.c, 5);
    std::vector<double> sums(numbers.x.size());
    for_each_product(
        c, [&](size_t x, size_t w, size_t y) { sums[x] += double{numbers.dy[y]} * numbers.w[w]; });
    const auto pixels = static_cast<size_t>(product(c.in));
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += bias[i / pixels % bias.size()];
    dlrun::OperatorDesc desc = describe("deconvolution_forward", c);
    desc.argument(y_shape(c), DLR_F32).argument(w_shape(c), DLR_F32);
    desc.argument({c.c}, DLR_F32).argument(x_shape(c), DLR_F32);
    unless_declined([&] {
      RunnableOp op(onednn, desc, {numbers.dy, numbers.w, bias, numbers.x});
      op.run();
      CHECK(largest_difference(op.result(3), floats(sums)) < 1e-5);
      ++n_run;
      for (const Activation& activation : kActivations) {
        CAPTURE(activation.name);
        std::vector<float> y = floats(sums);
        for (float& value : y)
          value = activation.of(value);
        RunnableOp fused(onednn, desc, {numbers.dy, numbers.w, bias, numbers.x},
                         {activation.post_op()});
        fused.run();
        CHECK(largest_difference(fused.result(3), y) < 1e-5);
      }
    });
  }
  CHECK(n_run >= 4);
}

TEST_CASE("onednn convolves backward to the weights and the bias") {
  const DevicePlugin onednn(onednn_file());
  for (const Case& c : kCases) {
    CAPTURE(c.c);
    const Numbers numbers(c);
    std::vector<double> dw(numbers.w.size());
    std::vector<double> dbias(numbers.bias.size());
    for_each_product(
        c, [&](size_t x, size_t w, size_t y) { dw[w] += double{numbers.x[x]} * numbers.dy[y]; });
    for_each_bias(c, [&](size_t b, size_t y) { dbias[b] += numbers.dy[y]; });
    for (const bool bias : {true, false}) {
      unless_declined([&] {
        RunnableOp op(onednn, backward_weights(c, bias),
                      {numbers.x, numbers.dy, numbers.w, numbers.bias});
        op.run();
        CHECK(largest_difference(op.result(2), floats(dw)) < 1e-5);
        if (bias) CHECK(largest_difference(op.result(3), floats(dbias)) < 1e-5);
      });
    }
  }
}

TEST_CASE("onednn runs the ordinary convolutions by fast code") {
  const DevicePlugin onednn(onednn_file());
  for (const size_t i : {0, 1, 4}) {
    const Numbers numbers(kCases[i]);
    CHECK_NOTHROW(onednn.plan(forward(kCases[i])));
    CHECK_NOTHROW(onednn.plan(backward_data(kCases[i])));
    CHECK_NOTHROW(onednn.plan(backward_weights(kCases[i])));
  }
}

TEST_CASE("onednn fuses activations behind a convolution") {
  const DevicePlugin onednn(onednn_file());
  const Case& c = kCases[1];
  const Numbers numbers(c);
  for (const Activation& activation : kActivations) {
    CAPTURE(activation.name);
    std::vector<float> y = expected_forward(c, numbers, true);
    for (float& value : y)
      value = activation.of(value);
    RunnableOp op(onednn, forward(c), {numbers.x, numbers.w, numbers.bias, numbers.dy},
                  {activation.post_op()});
    op.run();
    CHECK(largest_difference(op.result(3), y) < 1e-5);
  }
}

TEST_CASE("onednn leaves few channels to the cpu device, and their pooling") {
  const DevicePlugin onednn(onednn_file(false));
  CHECK_THROWS_WITH_AS(onednn.plan(forward(kCases[1])), doctest::Contains("few channels"), Refused);
  const Case to_few{2, 3, 64, 1, {8, 8}, {4, 4}, {2, 2}, {1, 1}, {1, 1}};
  CHECK_THROWS_WITH_AS(onednn.plan(backward_data(to_few)), doctest::Contains("few channels"),
                       Refused);
  dlrun::OperatorDesc pooling("pooling_max_forward");
  pooling.attribute("kernel", {2, 2}).attribute("stride", {2, 2}).attribute("pad", {0, 0});
  pooling.argument({2, 20, 24, 24}, DLR_F32).argument({2, 20, 12, 12}, DLR_F32);
  CHECK_THROWS_WITH_AS(onednn.plan(pooling), doctest::Contains("plain tensors"), Refused);
  const Case wide{1, 64, 64, 1, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}};
  CHECK_NOTHROW(onednn.plan(forward(wide)));
}

TEST_CASE("onednn runs one plan over changing memory") {
  const DevicePlugin onednn(onednn_file());
  const Case& c = kCases[1];
  const Numbers numbers(c);
  RunnableOp op(onednn, forward(c), {numbers.x, numbers.w, numbers.bias, numbers.dy});
  op.run();
  op.operands[0].elements = random_floats(x_shape(c).count(), 9);
  op.operands[0].to_device(onednn);  // into other memory
  op.operands[3].to_device(onednn);
  op.run();
  Numbers changed = numbers;
  changed.x = op.operands[0].elements;
  CHECK(largest_difference(op.result(3), expected_forward(c, changed, true)) < 1e-5);
}

TEST_CASE("onednn convolves plain tensors when told to, and says so") {
  const DevicePlugin onednn(onednn_file());
  const Case& c = kCases[1];
  const Numbers numbers(c);
  dlrun::OperatorDesc op = describe("convolution_forward", c);
  op.argument(x_shape(c), DLR_F32, DLR_LAYOUT_PLAIN)
      .argument(w_shape(c), DLR_F32, DLR_LAYOUT_PLAIN);
  op.no_argument().argument(y_shape(c), DLR_F32, DLR_LAYOUT_PLAIN);
  unless_declined([&] {
    RunnableOp plain(onednn, op, {numbers.x, numbers.w, {}, numbers.dy});
    for (const size_t i : {0, 1, 3})
      CHECK(plain.operands[i].desc.layout == DLR_LAYOUT_PLAIN);
    plain.run();
    CHECK(largest_difference(plain.result(3), expected_forward(c, numbers, false)) < 1e-5);
  });
}

TEST_CASE("onednn uses as many threads as its device was opened with") {
  const DevicePlugin all(onednn_file());
  const DevicePlugin one(onednn_file(), 1);
  const int before = configured_threads();
  const Case& c = kCases[1];
  const Numbers numbers(c);
  RunnableOp a(all, forward(c), {numbers.x, numbers.w, numbers.bias, numbers.dy});
  RunnableOp b(one, forward(c), {numbers.x, numbers.w, numbers.bias, numbers.dy});
  a.run();
  b.run();
  CHECK(largest_difference(a.result(3), b.result(3)) < 1e-6);
  CHECK(configured_threads() == before);  // of the caller, not touched
}

TEST_CASE("onednn says why it declines") {
  const DevicePlugin onednn(onednn_file());
  const auto refusal = [&](const dlrun::OperatorDesc& op) -> std::string {
    try {
      onednn.plan(op);
    } catch (const Refused& refused) {
      CHECK(refused.code == DLR_UNIMPLEMENTED);
      return refused.what();
    }
    return "";
  };
  const Case& c = kCases[0];
  dlrun::OperatorDesc doubles = describe("convolution_forward", c);
  doubles.argument(x_shape(c), DLR_F64)
      .argument(w_shape(c), DLR_F64)
      .no_argument()
      .argument(y_shape(c), DLR_F64);
  CHECK(refusal(doubles).find("float32 only") != std::string::npos);

  Case four = c;
  four.in = four.kernel = four.stride = four.dilation = {1, 1, 1, 1};
  four.pad = {0, 0, 0, 0};
  CHECK(refusal(forward(four)).find("one to three spatial axes") != std::string::npos);

  dlrun::OperatorDesc unknown("crystal_ball");
  CHECK(refusal(unknown).find("host's kernels") != std::string::npos);

  const dlr_post_op post{sizeof(dlr_post_op), dlrun::to_abi("bias"), 0, 0, -1};
  const Numbers numbers(c);
  CHECK_THROWS_WITH_AS(
      RunnableOp(onednn, forward(c), {numbers.x, numbers.w, numbers.bias, numbers.dy}, {post}),
      doctest::Contains("no activation 'bias'"), Refused);
}

// Not a check but a figure: `device_onednn_convolution_test --no-skip --test-case="*LeNet*"`.
TEST_CASE("time of LeNet's convolutions at batch 64" * doctest::skip()) {
  const DevicePlugin onednn(onednn_file());
  const Case conv1{64, 1, 20, 1, {28, 28}, {5, 5}, {1, 1}, {0, 0}, {1, 1}};
  const Case conv2{64, 20, 50, 1, {12, 12}, {5, 5}, {1, 1}, {0, 0}, {1, 1}};
  const auto time = [&](const char* what, const dlrun::OperatorDesc& op,
                        const std::vector<std::vector<float>>& elements) {
    RunnableOp runnable(onednn, op, elements);
    runnable.run();
    double best = 1e9;
    for (int i = 0; i < 50; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      runnable.run();
      best = std::min(
          best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::printf("%s %.3f ms\n", what, best * 1e3);
  };
  const Numbers one(conv1);
  const Numbers two(conv2);
  time("conv1 forward         ", forward(conv1), {one.x, one.w, one.bias, one.dy});
  time("conv1 backward weights", backward_weights(conv1), {one.x, one.dy, one.w, one.bias});
  time("conv2 forward         ", forward(conv2), {two.x, two.w, two.bias, two.dy});
  time("conv2 backward data   ", backward_data(conv2), {two.dy, two.w, two.x});
  time("conv2 backward weights", backward_weights(conv2), {two.x, two.dy, two.w, two.bias});
}
