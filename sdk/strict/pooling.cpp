// Pooling by its definition. The forward of a maximum notes in the reserve where each one was.
#include "window.hpp"

namespace dlrun::strict {
namespace {

struct Pooling {
  Window window;
  int64_t planes, s, o;  // positions of the input and of the output

  Pooling(const OpView& op, const Shape& x, const Shape& y)
      : window(op, x, y), planes(x[0] * x[1]), s(Window::count(window.in)), o(Window::count(window.out)) {
    for (int64_t position = 0; position < o; ++position) {
      int64_t inside = 0;
      window.over(position, [&](int64_t, int64_t) { ++inside; });
      if (inside == 0) throw Declined("strict pools no windows without input");
    }
  }
};

class MaxForward final : public LoadedPlan {
 public:
  MaxForward(const OpView& op, const Pooling& p, bool may_block)
      : LoadedPlan(op, {{1}, {1, true}}, 0, may_block), p_(p), keeps_(op.integer("training", 1) != 0) {
    if (keeps_) op.desc().reserve_bytes = static_cast<uint64_t>(p.planes * p.o) * sizeof(int64_t);
  }

 private:
  void compute(float* const* args, float*, const Span& reserve) const override {
    for (int64_t at = 0; at < p_.planes * p_.o; ++at) {
      const float* x = args[0] + at / p_.o * p_.s;
      int64_t taken = -1;
      p_.window.over(at % p_.o, [&](int64_t, int64_t i) {
        if (taken < 0 || x[i] > x[taken]) taken = i;
      });
      args[1][at] = x[taken];
      if (keeps_) reserve.as<int64_t>()[at] = taken;
    }
  }
  Pooling p_;
  bool keeps_;
};

class MaxBackward final : public LoadedPlan {
 public:
  MaxBackward(const OpView& op, const Pooling& p, bool may_block)
      : LoadedPlan(op, {{1}, {1, true}}, 0, may_block), p_(p) {
    op.desc().reserve_bytes = static_cast<uint64_t>(p.planes * p.o) * sizeof(int64_t);
  }

 private:
  void compute(float* const* args, float*, const Span& reserve) const override {
    std::fill_n(args[1], p_.planes * p_.s, 0.0F);
    for (int64_t at = 0; at < p_.planes * p_.o; ++at)
      args[1][at / p_.o * p_.s + reserve.as<const int64_t>()[at]] += args[0][at];
  }
  Pooling p_;
};

class AverageForward final : public LoadedPlan {
 public:
  AverageForward(const OpView& op, const Pooling& p, bool may_block)
      : LoadedPlan(op, {{1}, {1, true}}, 0, may_block), p_(p) {}

 private:
  void compute(float* const* args, float*, const Span&) const override {
    for (int64_t at = 0; at < p_.planes * p_.o; ++at) {
      float sum = 0;
      p_.window.over(at % p_.o, [&](int64_t, int64_t i) { sum += args[0][at / p_.o * p_.s + i]; });
      args[1][at] = sum / static_cast<float>(p_.window.clipped(at % p_.o));
    }
  }
  Pooling p_;
};

class AverageBackward final : public LoadedPlan {
 public:
  AverageBackward(const OpView& op, const Pooling& p, bool may_block)
      : LoadedPlan(op, {{1}, {1, true}}, 0, may_block), p_(p) {}

 private:
  void compute(float* const* args, float*, const Span&) const override {
    std::fill_n(args[1], p_.planes * p_.s, 0.0F);
    for (int64_t at = 0; at < p_.planes * p_.o; ++at) {
      const float part = args[0][at] / static_cast<float>(p_.window.clipped(at % p_.o));
      p_.window.over(at % p_.o, [&](int64_t, int64_t i) { args[1][at / p_.o * p_.s + i] += part; });
    }
  }
  Pooling p_;
};

}  // namespace

std::unique_ptr<Plan> plan_pooling(const OpView& op, bool may_block) {
  if (op.op() == "pooling_max_forward")
    return std::make_unique<MaxForward>(op, Pooling(op, op.shape(0), op.shape(1)), may_block);
  if (op.op() == "pooling_max_backward")
    return std::make_unique<MaxBackward>(op, Pooling(op, op.shape(1), op.shape(0)), may_block);
  if (op.op() == "pooling_average_forward")
    return std::make_unique<AverageForward>(op, Pooling(op, op.shape(0), op.shape(1)), may_block);
  if (op.op() == "pooling_average_backward")
    return std::make_unique<AverageBackward>(op, Pooling(op, op.shape(1), op.shape(0)), may_block);
  throw Declined("strict has no operator '" + std::string(op.op()) + "'");
}

}  // namespace dlrun::strict
