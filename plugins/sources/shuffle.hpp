// The order in which a source delivers its samples: as stored, or shuffled anew in every epoch.
#pragma once

#include <dlrun/random.h>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

inline std::vector<uint64_t> in_order(uint64_t n) {
  std::vector<uint64_t> order(n);
  std::iota(order.begin(), order.end(), uint64_t{0});
  return order;
}

// A permutation of 0 .. n-1 that is a pure function of (key, which). Draws from another stream than
// transforms do.
inline std::vector<uint64_t> shuffled(uint64_t n, dlr_random_key key, uint64_t which) {
  std::vector<uint64_t> order = in_order(n);
  const dlr_random_key epoch_key = {key.seed ^ (which * 0x9E3779B97F4A7C15u), ~key.stream};
  for (uint64_t i = n; i > 1; --i) {
    const auto other =
        static_cast<uint64_t>(dlr_random_uniform(epoch_key, i) * static_cast<double>(i));
    std::swap(order[i - 1], order[other]);
  }
  return order;
}

// Sample `position` of an endless sequence of epochs over n samples.
class EpochOrder {
 public:
  EpochOrder(uint64_t n, bool shuffle, dlr_random_key key) : n_(n), shuffle_(shuffle), key_(key) {}

  // The index of the sample at `position`.
  uint64_t at(uint64_t position) {
    if (!shuffle_) return position % n_;
    const uint64_t epoch = position / n_;
    if (order_.empty() || epoch != epoch_) {
      order_ = shuffled(n_, key_, epoch);
      epoch_ = epoch;
    }
    return order_[position % n_];
  }

 private:
  uint64_t n_;
  bool shuffle_;
  dlr_random_key key_;
  uint64_t epoch_ = 0;
  std::vector<uint64_t> order_;
};
