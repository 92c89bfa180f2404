// Convolution, image by image: its columns, then one product for each group.
//
// N images, C channels, K outputs, G groups, S positions of the input, O of the output, I elements of the
// kernel. x [N,C,S], w [K,C/G,I], b [K], y [N,K,O]; columns [C*I, O].
#include "products.hpp"
#include "window.hpp"

namespace dlrun::strict {
namespace {

struct Convolution {
  Window window;
  int64_t n, c, k, g, s, o, i;
  std::vector<int64_t> input_of;  // [I, O]: where in a channel, -1 outside

  Convolution(const OpView& op, const Shape& x, const Shape& y)
      : window(op, x, y),
        n(x[0]),
        c(x[1]),
        k(y[1]),
        g(op.integer("group", 1)),
        s(Window::count(window.in)),
        o(Window::count(window.out)),
        i(Window::count(window.kernel)),
        input_of(static_cast<size_t>(i * o), -1) {
    for (int64_t position = 0; position < o; ++position) {
      window.over(position, [&](int64_t element, int64_t input) {
        input_of[static_cast<size_t>(element * o + position)] = input;
      });
    }
  }

  int64_t columns() const { return c * i * o; }
  int64_t group_rows() const { return c / g * i; }
  int64_t group_weights() const { return k / g * group_rows(); }

  void to_columns(const float* image, float* to) const {
    for (int64_t channel = 0; channel < c; ++channel) {
      for (size_t at = 0; at < input_of.size(); ++at)
        *to++ = input_of[at] < 0 ? 0 : image[channel * s + input_of[at]];
    }
  }
  // Into an image that holds a value for each channel, or zeros.
  void from_columns(const float* from, const float* bias, float* image) const {
    for (int64_t channel = 0; channel < c; ++channel)
      std::fill_n(image + channel * s, s, bias == nullptr ? 0.0F : bias[channel]);
    for (int64_t channel = 0; channel < c; ++channel) {
      for (size_t at = 0; at < input_of.size(); ++at, ++from) {
        if (input_of[at] >= 0) image[channel * s + input_of[at]] += *from;
      }
    }
  }
};

class Forward final : public LoadedPlan {
 public:
  Forward(const OpView& op, const Convolution& c, bool may_block)
      : LoadedPlan(op, {{1}, {0}, {0}, {1, true}}, c.columns(), may_block), c_(c) {}

 private:
  void compute(float* const* args, float* columns, const Span&) const override {
    for (int64_t n = 0; n < c_.n; ++n) {
      c_.to_columns(args[0] + n * c_.c * c_.s, columns);
      float* y = args[3] + n * c_.k * c_.o;
      for (int64_t k = 0; k < c_.k; ++k)
        std::fill_n(y + k * c_.o, c_.o, args[2] == nullptr ? 0.0F : args[2][k]);
      for (int64_t g = 0; g < c_.g; ++g) {
        multiply(c_.k / c_.g, c_.o, c_.group_rows(), {args[1] + g * c_.group_weights(), c_.group_rows(), 1},
                 {columns + g * c_.group_rows() * c_.o, c_.o, 1}, y + g * c_.k / c_.g * c_.o, c_.o, 1, 1);
      }
    }
  }
  Convolution c_;
};

// Also a transposed convolution's forward, whose arguments are x, w, bias? and y.
class BackwardData final : public LoadedPlan {
 public:
  BackwardData(const OpView& op, const Convolution& c, bool may_block)
      : LoadedPlan(op, uses(op), c.columns(), may_block), c_(c), is_forward_(op.n_args() == 4) {}

 private:
  static std::vector<Use> uses(const OpView& op) {
    if (op.n_args() == 4) return {{1}, {0}, {0}, {1, true}};
    return {{1}, {0}, {1, true}};
  }
  void compute(float* const* args, float* columns, const Span&) const override {
    const float* bias = is_forward_ ? args[2] : nullptr;
    float* dx = is_forward_ ? args[3] : args[2];
    for (int64_t n = 0; n < c_.n; ++n) {
      for (int64_t g = 0; g < c_.g; ++g) {
        multiply(c_.group_rows(), c_.o, c_.k / c_.g, {args[1] + g * c_.group_weights(), 1, c_.group_rows()},
                 {args[0] + (n * c_.k + g * c_.k / c_.g) * c_.o, c_.o, 1}, columns + g * c_.group_rows() * c_.o, c_.o,
                 1, 0);
      }
      c_.from_columns(columns, bias, dx + n * c_.c * c_.s);
    }
  }
  Convolution c_;
  bool is_forward_;
};

class BackwardWeights final : public LoadedPlan {
 public:
  BackwardWeights(const OpView& op, const Convolution& c, bool may_block)
      : LoadedPlan(op, {{1}, {1}, {0, true}, {0, true}}, c.columns(), may_block), c_(c) {}

 private:
  void compute(float* const* args, float* columns, const Span&) const override {
    std::fill_n(args[2], c_.g * c_.group_weights(), 0.0F);
    if (args[3] != nullptr) std::fill_n(args[3], c_.k, 0.0F);
    for (int64_t n = 0; n < c_.n; ++n) {
      const float* dy = args[1] + n * c_.k * c_.o;
      c_.to_columns(args[0] + n * c_.c * c_.s, columns);
      for (int64_t g = 0; g < c_.g; ++g) {
        multiply(c_.k / c_.g, c_.group_rows(), c_.o, {dy + g * c_.k / c_.g * c_.o, c_.o, 1},
                 {columns + g * c_.group_rows() * c_.o, 1, c_.o}, args[2] + g * c_.group_weights(), c_.group_rows(), 1,
                 1);
      }
      for (int64_t k = 0; args[3] != nullptr && k < c_.k; ++k) {
        for (int64_t o = 0; o < c_.o; ++o)
          args[3][k] += dy[k * c_.o + o];
      }
    }
  }
  Convolution c_;
};

}  // namespace

std::unique_ptr<Plan> plan_convolution(const OpView& op, bool may_block) {
  if (op.op() == "convolution_forward")
    return std::make_unique<Forward>(op, Convolution(op, op.shape(0), op.shape(3)), may_block);
  if (op.op() == "convolution_backward_data")
    return std::make_unique<BackwardData>(op, Convolution(op, op.shape(2), op.shape(0)), may_block);
  if (op.op() == "deconvolution_forward")
    return std::make_unique<BackwardData>(op, Convolution(op, op.shape(3), op.shape(0)), may_block);
  if (op.op() == "convolution_backward_weights")
    return std::make_unique<BackwardWeights>(op, Convolution(op, op.shape(0), op.shape(1)), may_block);
  throw Declined("strict has no operator '" + std::string(op.op()) + "'");
}

}  // namespace dlrun::strict
