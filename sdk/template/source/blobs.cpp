// Blobs: points of round clouds in space, and which cloud each is of. Nothing is read from anywhere, and every
// sample can be made at once: what lies at a position depends on the parameters, the key and the position alone.
//
//   top 0: points [N, dimensions], float32;  top 1 (optional): labels [N]
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <cmath>
#include <vector>

#include "blobs.proto.inc"

namespace {

// A number of the normal distribution, by Box and Muller from two uniform ones.
float normal(dlr_random_key key, uint64_t counter) {
  constexpr double kTwoPi = 6.283185307179586;
  const double radius = std::sqrt(-2 * std::log(1 - dlr_random_uniform(key, 2 * counter)));
  return static_cast<float>(radius * std::cos(kTwoPi * dlr_random_uniform(key, 2 * counter + 1)));
}

class Blobs final : public dlrun::Source {
 public:
  Blobs(const dlrun::Params& layer, int n_tops, dlr_random_key key)
      : Blobs(layer.message("blobs_param"), key, n_tops) {}

  dlrun::SourceInfo info() const override { return {batch_size_, length_}; }

  void read(uint64_t position, dlr_array* arrays) override {
    const uint64_t first_draw = position % length_ * (dimensions_ + 1);  // one for the label
    label_ = static_cast<uint8_t>(dlr_random_uniform(key_, 2 * first_draw) * static_cast<double>(classes_));
    const float* centre = centres_.data() + label_ * dimensions_;
    for (uint64_t i = 0; i < dimensions_; ++i)
      point_[i] = centre[i] + spread_ * normal(key_, first_draw + 1 + i);
    arrays[0] = dlrun::make_array(point_.data(), DLR_F32, {static_cast<int64_t>(dimensions_)});
    if (n_tops_ > 1) arrays[1] = dlrun::make_array(&label_, DLR_U8, {});
  }

 private:
  Blobs(const dlrun::Params& params, dlr_random_key key, int n_tops)
      : key_(key),
        n_tops_(n_tops),
        classes_(params.get<uint64_t>("classes")),
        dimensions_(params.get<uint64_t>("dimensions")),
        length_(params.get<uint64_t>("length")),
        batch_size_(params.get<uint64_t>("batch_size")),
        spread_(params.get<float>("spread")),
        point_(dimensions_) {
    // Of no key: training and testing have the same clouds.
    for (uint64_t i = 0; i < classes_ * dimensions_; ++i)
      centres_.push_back(normal({0, 0}, i));
  }

  dlr_random_key key_;
  int n_tops_;
  uint64_t classes_;
  uint64_t dimensions_;
  uint64_t length_;
  uint64_t batch_size_;
  float spread_;
  std::vector<float> centres_;  // of a class after the other
  std::vector<float> point_;
  uint8_t label_ = 0;
};

const dlr_source_type kType = dlrun::source_type<Blobs>(1, 2);  // tops, least and most

}  // namespace

DLR_PLUGIN("com.example.blobs", "1.0.0", blobs_proto,
           DLR_PROVIDE("dlrun.source/1", "Blobs", "points of round clouds, and their classes", kType));
