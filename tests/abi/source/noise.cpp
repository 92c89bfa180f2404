// Noise: samples that need no file.
//   top 0: x, `width` numbers uniform in [0, 1), a pure function of key and position
//   top 1: the mean of their squares
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <numeric>
#include <vector>

#include "noise.proto.inc"

namespace {

class Noise : public dlrun::Source {
 public:
  Noise(const dlrun::Params& layer, int, dlr_random_key key)
      : Noise(layer.message("noise_param"), key) {}

  dlrun::SourceInfo info() const override { return {batch_size_, kLength}; }

  void read(uint64_t position, dlr_array* arrays) override {
    const uint64_t first = position % kLength * x_.size();
    for (size_t i = 0; i < x_.size(); ++i)
      x_[i] = static_cast<float>(dlr_random_uniform(key_, first + i));
    target_ = std::inner_product(x_.begin(), x_.end(), x_.begin(), 0.0f) / x_.size();
    arrays[0] = dlrun::make_array(x_.data(), DLR_F32, {static_cast<int64_t>(x_.size())});
    arrays[1] = dlrun::make_array(&target_, DLR_F32, {1});
  }

 private:
  Noise(const dlrun::Params& own, dlr_random_key key)
      : batch_size_(own.get<uint32_t>("batch_size")), key_(key), x_(own.get<uint32_t>("width")) {}

  static constexpr uint64_t kLength = 1000;
  uint64_t batch_size_;
  dlr_random_key key_;
  std::vector<float> x_;
  float target_ = 0;
};

constexpr dlr_source_type kNoise = dlrun::source_type<Noise>(2, 2);

}  // namespace

DLR_PLUGIN("com.example.noise", "1.0.0", noise_proto,
           DLR_PROVIDE("dlrun.source/1", "Noise", "random samples that need no file", kNoise));
