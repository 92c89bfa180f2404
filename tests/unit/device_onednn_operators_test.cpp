// The onednn device's inner products, normalisation, activations, sums and concatenation against
// plain loops.
#include "tests/unit/device_onednn_host.hpp"

using namespace device_test;

namespace {

using Floats = std::vector<float>;

size_t at(int64_t index) {
  return static_cast<size_t>(index);
}

// ---- Inner products
// ------------------------------------------------------------------------------

struct Inner {
  int64_t n, c, k;
  bool transpose;
};
const Inner kInner[] = {{1, 40, 24, false}, {16, 33, 10, false}, {64, 50, 17, true}};

struct InnerNumbers {
  explicit InnerNumbers(const Inner& s)
      : x(random_floats(s.n * s.c, 1)),
        w(random_floats(s.k * s.c, 2)),
        bias(random_floats(s.k, 3)),
        dy(random_floats(s.n * s.k, 4)),
        y(dy.size()),
        dx(x.size()),
        dw(w.size()),
        dbias(bias.size()) {
    for (int64_t n = 0; n < s.n; ++n) {
      for (int64_t k = 0; k < s.k; ++k) {
        y[at(n * s.k + k)] += bias[at(k)];
        dbias[at(k)] += dy[at(n * s.k + k)];
        for (int64_t c = 0; c < s.c; ++c) {
          const size_t weight = at(s.transpose ? c * s.k + k : k * s.c + c);
          y[at(n * s.k + k)] += x[at(n * s.c + c)] * w[weight];
          dx[at(n * s.c + c)] += dy[at(n * s.k + k)] * w[weight];
          dw[weight] += dy[at(n * s.k + k)] * x[at(n * s.c + c)];
        }
      }
    }
  }
  Floats x, w, bias, dy, y, dx, dw, dbias;
};

dlrun::Shape weights_shape(const Inner& s) {
  return s.transpose ? dlrun::Shape{s.c, s.k} : dlrun::Shape{s.k, s.c};
}

dlrun::OperatorDesc inner_product(const std::string& direction, const Inner& s) {
  dlrun::OperatorDesc op("inner_product_" + direction);
  op.attribute("transpose", s.transpose ? 1 : 0);
  const dlrun::Shape x{s.n, s.c};
  const dlrun::Shape y{s.n, s.k};
  const dlrun::Shape w = weights_shape(s);
  if (direction == "forward")
    op.argument(x, DLR_F32).argument(w, DLR_F32).argument({s.k}, DLR_F32).argument(y, DLR_F32);
  if (direction == "backward_data")
    op.argument(y, DLR_F32).argument(w, DLR_F32).argument(x, DLR_F32);
  if (direction == "backward_weights")
    op.argument(x, DLR_F32).argument(y, DLR_F32).argument(w, DLR_F32).argument({s.k}, DLR_F32);
  return op;
}

// ---- Images
// --------------------------------------------------------------------------------------

constexpr int64_t kImages = 2;
constexpr int64_t kChannels = 32;
constexpr int64_t kPixels = 5 * 7;
const dlrun::Shape kShape{kImages, kChannels, 5, 7};

Floats image(uint32_t seed) {
  return random_floats(kShape.count(), seed);
}
size_t place(int64_t n, int64_t c, int64_t p) {
  return at((n * kChannels + c) * kPixels + p);
}

// An operator over images: `n` arguments of the one shape, in the order that it is called with.
dlrun::OperatorDesc over_images(const std::string& name, int n) {
  dlrun::OperatorDesc op(name);
  for (int i = 0; i < n; ++i)
    op.argument(kShape, DLR_F32);
  return op;
}

struct LrnNumbers {
  static constexpr int64_t kSize = 5;
  static constexpr double kAlpha = 0.5, kBeta = 0.75, kK = 1.5;
  LrnNumbers() : x(image(1)), dy(image(2)), y(x.size()), dx(x.size()) {
    std::vector<double> scale(x.size(), kK);
    for_each_pair([&](size_t i, size_t j) { scale[i] += kAlpha / kSize * x[j] * x[j]; });
    for (size_t i = 0; i < x.size(); ++i) {
      y[i] = static_cast<float>(x[i] * std::pow(scale[i], -kBeta));
      dx[i] = static_cast<float>(dy[i] * std::pow(scale[i], -kBeta));
    }
    for_each_pair([&](size_t i, size_t j) {
      dx[i] -=
          static_cast<float>(2 * kAlpha * kBeta / kSize * x[i] * dy[j] * double{y[j]} / scale[j]);
    });
  }
  // Elements with each of their neighbours.
  template <class Use>
  static void for_each_pair(Use use) {
    for (int64_t n = 0; n < kImages; ++n) {
      for (int64_t c = 0; c < kChannels; ++c) {
        for (int64_t d = std::max<int64_t>(0, c - 2); d <= std::min(kChannels - 1, c + 2); ++d) {
          for (int64_t p = 0; p < kPixels; ++p)
            use(place(n, c, p), place(n, d, p));
        }
      }
    }
  }
  Floats x, dy, y, dx;
};

dlrun::OperatorDesc lrn(const std::string& name, int n, int64_t training = 1) {
  dlrun::OperatorDesc op = over_images(name, n);
  op.attribute("size", LrnNumbers::kSize).attribute("training", training).attribute("pair", 0);
  op.number("alpha", LrnNumbers::kAlpha).number("beta", LrnNumbers::kBeta);
  return op.number("k", LrnNumbers::kK);
}

constexpr double kEpsilon = 1e-3;

struct NormNumbers {
  NormNumbers() : x(image(1)), dy(image(2)) {
    for (int64_t c = 0; c < kChannels; ++c) {
      double sum = 0;
      double squares = 0;
      for_each(c, [&](size_t i) { sum += x[i]; });
      for_each(c, [&](size_t i) { squares += std::pow(x[i] - sum / kCount, 2); });
      mean.push_back(static_cast<float>(sum / kCount));
      variance.push_back(static_cast<float>(squares / kCount));
    }
  }
  template <class Use>
  static void for_each(int64_t c, Use use) {
    for (int64_t n = 0; n < kImages; ++n) {
      for (int64_t p = 0; p < kPixels; ++p)
        use(place(n, c, p));
    }
  }
  float deviation(int64_t c) const {
    return static_cast<float>(std::sqrt(variance[at(c)] + kEpsilon));
  }
  Floats y() const {
    Floats y(x.size());
    for (int64_t c = 0; c < kChannels; ++c)
      for_each(c, [&](size_t i) { y[i] = (x[i] - mean[at(c)]) / deviation(c); });
    return y;
  }
  Floats dx(bool global) const {
    Floats dx(x.size());
    const Floats normal = y();
    for (int64_t c = 0; c < kChannels; ++c) {
      double sum = 0;
      double product = 0;
      for_each(c, [&](size_t i) { sum += dy[i], product += double{dy[i]} * normal[i]; });
      for_each(c, [&](size_t i) {
        const double through = global ? 0 : (sum + product * normal[i]) / kCount;
        dx[i] = static_cast<float>((dy[i] - through) / deviation(c));
      });
    }
    return dx;
  }
  static constexpr double kCount = kImages * kPixels;
  Floats x, dy, mean, variance;
};

dlrun::OperatorDesc batch_norm(const std::string& direction, bool global) {
  dlrun::OperatorDesc op("batch_norm_" + direction);
  op.number("epsilon", kEpsilon).attribute("global", global ? 1 : 0);
  op.argument(kShape, DLR_F32).argument({kChannels}, DLR_F32).argument({kChannels}, DLR_F32);
  op.argument(kShape, DLR_F32);
  return direction == "forward" ? op : op.argument(kShape, DLR_F32);
}

// Softmax over the channels.
Floats softmax(const Floats& x) {
  Floats y(x.size());
  for (int64_t n = 0; n < kImages; ++n) {
    for (int64_t p = 0; p < kPixels; ++p) {
      double sum = 0;
      for (int64_t c = 0; c < kChannels; ++c)
        sum += std::exp(double{x[place(n, c, p)]});
      for (int64_t c = 0; c < kChannels; ++c)
        y[place(n, c, p)] = static_cast<float>(std::exp(double{x[place(n, c, p)]}) / sum);
    }
  }
  return y;
}

}  // namespace

TEST_CASE("onednn runs inner products in three directions, over plain weights") {
  const DevicePlugin onednn(onednn_file());
  for (const Inner& s : kInner) {
    CAPTURE(s.n);
    const InnerNumbers v(s);
    RunnableOp forward(onednn, inner_product("forward", s), {v.x, v.w, v.bias, v.dy});
    forward.run();
    CHECK(forward.operands[1].desc.layout == DLR_LAYOUT_PLAIN);
    CHECK(largest_difference(forward.result(3), v.y) < 1e-5);
    RunnableOp data(onednn, inner_product("backward_data", s), {v.dy, v.w, v.x});
    data.run();
    CHECK(largest_difference(data.result(2), v.dx) < 1e-5);
    RunnableOp weights(onednn, inner_product("backward_weights", s), {v.x, v.dy, v.w, v.bias});
    weights.run();
    CHECK(largest_difference(weights.result(2), v.dw) < 1e-5);
    CHECK(largest_difference(weights.result(3), v.dbias) < 1e-5);
  }
}

TEST_CASE("onednn fuses activations behind an inner product") {
  const DevicePlugin onednn(onednn_file());
  const InnerNumbers v(kInner[2]);
  for (const Activation& activation : kActivations) {
    CAPTURE(activation.name);
    Floats y = v.y;
    for (float& value : y)
      value = activation.of(value);
    RunnableOp op(onednn, inner_product("forward", kInner[2]), {v.x, v.w, v.bias, v.dy},
                  {activation.post_op()});
    op.run();
    CHECK(largest_difference(op.result(3), y) < 1e-5);
  }
}

TEST_CASE("onednn leaves small batches and few weights to the cpu device") {
  const DevicePlugin onednn(onednn_file(false));
  const Inner small{16, 1024, 1024, false};
  const Inner large{64, 1024, 1024, false};
  for (const char* direction : {"forward", "backward_weights"}) {
    CHECK_THROWS_WITH_AS(onednn.plan(inner_product(direction, small)),
                         doctest::Contains("small batches"), Refused);
    CHECK_NOTHROW(onednn.plan(inner_product(direction, large)));
  }
  CHECK_NOTHROW(onednn.plan(inner_product("backward_data", small)));
  for (const char* direction : {"forward", "backward_data", "backward_weights"}) {
    CHECK_THROWS_WITH_AS(onednn.plan(inner_product(direction, kInner[2])),
                         doctest::Contains("few weights"), Refused);
  }
}

TEST_CASE("onednn normalises across channels, forward and backward") {
  const DevicePlugin onednn(onednn_file());
  const LrnNumbers v;
  RunnableOp inference(onednn, lrn("lrn_forward", 2, 0), {v.x, v.y});
  CHECK(inference.reserve_bytes == 0);
  inference.run();
  CHECK(largest_difference(inference.result(1), v.y) < 1e-5);

  RunnableOp forward(onednn, lrn("lrn_forward", 2), {v.x, v.y});
  RunnableOp backward(onednn, lrn("lrn_backward", 4), {v.x, v.y, v.dy, v.dx});
  CHECK(forward.reserve_bytes == backward.reserve_bytes);
  const Bytes reserve(forward.reserve_bytes);
  forward.run(reserve.mem());
  backward.run(reserve.mem());
  CHECK(reserve.intact());
  CHECK(largest_difference(forward.result(1), v.y) < 1e-5);
  CHECK(largest_difference(backward.result(3), v.dx) < 1e-5);
}

TEST_CASE("onednn normalises over the batch, by its own or given moments") {
  const DevicePlugin onednn(onednn_file());
  const NormNumbers v;
  for (const bool global : {false, true}) {
    CAPTURE(global);
    const Floats nothing(at(kChannels));
    RunnableOp forward(onednn, batch_norm("forward", global),
                       {v.x, global ? v.mean : nothing, global ? v.variance : nothing, v.dy});
    forward.run();
    CHECK(largest_difference(forward.result(3), v.y()) < 1e-5);
    CHECK(largest_difference(forward.result(1), v.mean) < 1e-6);
    CHECK(largest_difference(forward.result(2), v.variance) < 1e-6);
    RunnableOp backward(onednn, batch_norm("backward", global),
                        {v.x, v.mean, v.variance, v.dy, v.x});
    backward.run();
    CHECK(largest_difference(backward.result(4), v.dx(global)) < 1e-5);
  }
}

TEST_CASE("onednn computes softmax, forward and backward") {
  const DevicePlugin onednn(onednn_file());
  const Floats x = image(1);
  const Floats dy = image(2);
  const Floats y = softmax(x);
  RunnableOp forward(onednn, over_images("softmax_forward", 2).attribute("axis", 1), {x, dy});
  forward.run();
  CHECK(largest_difference(forward.result(1), y) < 1e-6);

  Floats dx(x.size());
  for (int64_t n = 0; n < kImages; ++n) {
    for (int64_t p = 0; p < kPixels; ++p) {
      double sum = 0;
      for (int64_t c = 0; c < kChannels; ++c)
        sum += double{y[place(n, c, p)]} * dy[place(n, c, p)];
      for (int64_t c = 0; c < kChannels; ++c) {
        const size_t i = place(n, c, p);
        dx[i] = static_cast<float>(y[i] * (dy[i] - sum));
      }
    }
  }
  RunnableOp backward(onednn, over_images("softmax_backward", 3).attribute("axis", 1), {y, dy, x});
  backward.run();
  CHECK(largest_difference(backward.result(2), dx) < 1e-6);
}

TEST_CASE("onednn leaves softmax over classes to the cpu device") {
  const DevicePlugin onednn(onednn_file(false));
  dlrun::OperatorDesc op("softmax_forward");
  op.attribute("axis", 1).argument({64, 10}, DLR_F32).argument({64, 10}, DLR_F32);
  CHECK_THROWS_WITH_AS(onednn.plan(op), doctest::Contains("plain tensors"), Refused);
}

TEST_CASE("onednn computes activations by themselves") {
  const DevicePlugin onednn(onednn_file());
  const Floats x = image(1);
  for (const Activation& activation : kActivations) {
    CAPTURE(activation.name);
    Floats y = x;
    for (float& value : y)
      value = activation.of(value);
    dlrun::OperatorDesc desc = over_images(activation.name + std::string("_forward"), 2);
    if (activation.name == std::string("relu")) desc.number("slope", activation.alpha);
    RunnableOp op(onednn, desc, {x, x});
    op.run();
    CHECK(largest_difference(op.result(1), y) < 1e-6);
  }
}

TEST_CASE("onednn adds and joins tensors in the layout that convolutions leave") {
  const DevicePlugin onednn(onednn_file());
  const Floats parts[] = {image(1), image(2), image(3)};
  Floats sum(parts[0].size());
  for (const Floats& part : parts) {
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += part[i];
  }
  RunnableOp add(onednn, over_images("sum", 4), {parts[0], parts[1], parts[2], sum});
  add.run();
  CHECK(add.operands[0].desc.layout != DLR_LAYOUT_PLAIN);
  CHECK(largest_difference(add.result(3), sum) < 1e-6);

  dlrun::OperatorDesc concat = over_images("concat", 2).attribute("axis", 1);
  concat.argument({kImages, 2 * kChannels, 5, 7}, DLR_F32);
  Floats joined;
  for (int64_t n = 0; n < kImages; ++n) {
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto from = parts[i].begin() + n * kChannels * kPixels;
      joined.insert(joined.end(), from, from + kChannels * kPixels);
    }
  }
  RunnableOp join(onednn, concat, {parts[0], parts[1], Floats(joined.size())});
  join.run();
  CHECK(join.operands[0].desc.layout != DLR_LAYOUT_PLAIN);
  CHECK(largest_difference(join.result(2), joined) == 0);
}

TEST_CASE("onednn fuses nothing behind other operators") {
  const DevicePlugin onednn(onednn_file());
  CHECK_THROWS_WITH_AS(RunnableOp(onednn, over_images("sum", 3), {image(1), image(2), image(3)},
                                  {kActivations[0].post_op()}),
                       doctest::Contains("and inner products only"), Refused);
}
