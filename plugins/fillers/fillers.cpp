// The fillers: first values of parameters. Value i is a pure function of (key, i), so neither
// threads nor devices change it. Shapes of weights are [outputs, inputs, ...]; fan-in is what feeds
// one output, fan-out what one input feeds.
#include <dlrun/filler.hpp>
#include <dlrun/plugin.hpp>

#include <cmath>

namespace {

using dlrun::Params;
using dlrun::Shape;
using dlrun::Values;

// Sets every element i to value(i), on all threads.
template <class Value>
void set_each(Values& out, const Value& value) {
  struct Task {
    Values& out;
    const Value& value;
  } task{out, value};
  const auto run = [](void* context, int64_t begin, int64_t end) {
    const Task& task = *static_cast<Task*>(context);
    for (int64_t i = begin; i < end; ++i)
      task.out.set(i, task.value(i));
  };
  constexpr int64_t kGrain = 4096;
  dlrun::host().parallel_for(out.count(), kGrain, run, &task);
}

// Standard normal, by Box and Muller.
double normal(dlr_random_key key, int64_t index) {
  constexpr double kTwoPi = 6.283185307179586;
  double uniform[2];
  dlr_random_uniforms(key, static_cast<uint64_t>(index), uniform);
  return std::sqrt(-2 * std::log1p(-uniform[0])) * std::cos(kTwoPi * uniform[1]);
}

void refuse_sparse(const Params& filler) {
  if (filler.get<int64_t>("sparse") != -1) {
    filler.fail("sparse",
                "sparse works with type: \"gaussian\" only; remove it or change the type");
  }
}

void require_axes(const Params& filler, const Shape& shape, int least) {
  if (shape.rank() < least) {
    filler.fail("type", "this filler needs a parameter of at least " + std::to_string(least) +
                            " dimensions; this one's shape is " + shape.text());
  }
}

// The fan that variance_norm chooses.
double fan(const Params& filler, const Shape& shape) {
  require_axes(filler, shape, 1);
  const double fan_in = static_cast<double>(shape.count(1, shape.rank()));
  const double fan_out = static_cast<double>(
      shape.rank() > 1 ? shape[0] * shape.count(2, shape.rank()) : shape.count());
  const std::string norm = filler.get<std::string>("variance_norm");
  if (norm == "FAN_OUT") return fan_out;
  if (norm == "AVERAGE") return (fan_in + fan_out) / 2;
  return fan_in;
}

void constant(const Params& filler, dlr_random_key, Values& out) {
  refuse_sparse(filler);
  const double value = filler.get<double>("value");
  set_each(out, [=](int64_t) { return value; });
}

void uniform(const Params& filler, dlr_random_key key, Values& out) {
  refuse_sparse(filler);
  const double min = filler.get<double>("min");
  const double max = filler.get<double>("max");
  if (min > max) filler.fail("min", "min is greater than max; give min <= max");
  set_each(out, [=](int64_t i) {
    return min + (max - min) * dlr_random_uniform(key, static_cast<uint64_t>(i));
  });
}

// With sparse: about that many non-zero values for each input, the others zero.
void gaussian(const Params& filler, dlr_random_key key, Values& out) {
  const double mean = filler.get<double>("mean");
  const double std = filler.get<double>("std");
  if (std < 0) filler.fail("std", "std is negative; give 0 or more");
  const int64_t sparse = filler.get<int64_t>("sparse");
  if (sparse < 0) {
    set_each(out, [=](int64_t i) { return mean + std * normal(key, i); });
    return;
  }
  require_axes(filler, out.shape(), 1);
  const int64_t outputs = out.shape()[0];
  if (sparse > outputs) {
    filler.fail("sparse", "sparse is " + std::to_string(sparse) + " but there are only " +
                              std::to_string(outputs) + " outputs");
  }
  const double share = static_cast<double>(sparse) / static_cast<double>(outputs);
  const dlr_random_key mask = {key.seed, ~key.stream};
  set_each(out, [=](int64_t i) {
    return dlr_random_uniform(mask, static_cast<uint64_t>(i)) < share ? mean + std * normal(key, i)
                                                                      : 0.0;
  });
}

// Uniform in [0, 1), then scaled so that each output's values sum to 1.
void positive_unitball(const Params& filler, dlr_random_key key, Values& out) {
  refuse_sparse(filler);
  require_axes(filler, out.shape(), 1);
  const int64_t columns = out.shape().count(1, out.shape().rank());
  for (int64_t row = 0; row < out.shape()[0]; ++row) {
    const auto draw = [&](int64_t column) {
      return dlr_random_uniform(key, static_cast<uint64_t>(row * columns + column));
    };
    double sum = 0;
    for (int64_t column = 0; column < columns; ++column)
      sum += draw(column);
    for (int64_t column = 0; column < columns; ++column)
      out.set(row * columns + column, draw(column) / sum);
  }
}

// Glorot and Bengio 2010: uniform with variance 1 / fan.
void xavier(const Params& filler, dlr_random_key key, Values& out) {
  refuse_sparse(filler);
  const double limit = std::sqrt(3 / fan(filler, out.shape()));
  set_each(out, [=](int64_t i) {
    return limit * (2 * dlr_random_uniform(key, static_cast<uint64_t>(i)) - 1);
  });
}

// He et al. 2015: normal with variance 2 / fan.
void msra(const Params& filler, dlr_random_key key, Values& out) {
  refuse_sparse(filler);
  const double std = std::sqrt(2 / fan(filler, out.shape()));
  set_each(out, [=](int64_t i) { return std * normal(key, i); });
}

// The weights with which a deconvolution upsamples: a tent over a square window [.., .., K, K].
void bilinear(const Params& filler, dlr_random_key, Values& out) {
  refuse_sparse(filler);
  const Shape shape = out.shape();
  if (shape.rank() != 4 || shape[2] != shape[3]) {
    filler.fail("type",
                "bilinear needs a square window (4 dimensions, the last two equal); this "
                "parameter's shape is " +
                    shape.text());
  }
  const int64_t width = shape[3];
  const double half = std::ceil(static_cast<double>(width) / 2);
  const double centre = static_cast<double>(width - 1) / (2 * half);
  const auto tent = [=](int64_t at) {
    return 1 - std::fabs(static_cast<double>(at) / half - centre);
  };
  set_each(out, [=](int64_t i) { return tent(i % width) * tent(i / width % width); });
}

constexpr dlr_filler_type kConstant = dlrun::filler_type<constant>();
constexpr dlr_filler_type kUniform = dlrun::filler_type<uniform>();
constexpr dlr_filler_type kGaussian = dlrun::filler_type<gaussian>();
constexpr dlr_filler_type kPositiveUnitball = dlrun::filler_type<positive_unitball>();
constexpr dlr_filler_type kXavier = dlrun::filler_type<xavier>();
constexpr dlr_filler_type kMsra = dlrun::filler_type<msra>();
constexpr dlr_filler_type kBilinear = dlrun::filler_type<bilinear>();

}  // namespace

DLR_PLUGIN("org.dlrun.fillers", "0.1.0", "",
           DLR_PROVIDE("dlrun.filler/1", "constant", "one value everywhere", kConstant),
           DLR_PROVIDE("dlrun.filler/1", "uniform", "uniform between min and max", kUniform),
           DLR_PROVIDE("dlrun.filler/1", "gaussian", "normal with mean and std, optionally sparse",
                       kGaussian),
           DLR_PROVIDE("dlrun.filler/1", "positive_unitball",
                       "uniform, each output's values summing to 1", kPositiveUnitball),
           DLR_PROVIDE("dlrun.filler/1", "xavier", "uniform with variance 1 / fan", kXavier),
           DLR_PROVIDE("dlrun.filler/1", "msra", "normal with variance 2 / fan", kMsra),
           DLR_PROVIDE("dlrun.filler/1", "bilinear", "upsampling weights for a deconvolution",
                       kBilinear));
