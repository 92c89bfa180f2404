// A small job that trains on any device, for tests that run it many times.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/host/error.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {

// With convolutions, on inputs of its own.
constexpr const char* kSmallJob = R"(
solver: {type: SGD, base_lr: 0.01, lr_policy: fixed, momentum: 0.9, max_iter: 1, random_seed: 3}
net:
  name: small
  layer:
    - {name: data, type: DummyData, top: [x, label],
       dummy_data_param: {shape: [{dim: [3, 4, 7, 7]}, {dim: [3]}],
                          data_filler: [{type: gaussian}, {type: constant, value: 1}]}}
    - {name: conv, type: Convolution, bottom: x, top: conv,
       convolution_param: {num_output: 5, kernel_size: 3, weight_filler: {type: xavier}}}
    - {name: sigmoid, type: Sigmoid, bottom: conv, top: conv}
    - {name: pool, type: Pooling, bottom: conv, top: pool,
       pooling_param: {pool: MAX, kernel_size: 2, stride: 2}}
    - {name: ip, type: InnerProduct, bottom: pool, top: ip,
       inner_product_param: {num_output: 4, weight_filler: {type: xavier}}}
    - {name: relu, type: ReLU, bottom: ip, top: ip}
    - {name: loss, type: SoftmaxWithLoss, bottom: [ip, label], top: loss}
)";

struct SmallJob {
  explicit SmallJob(const std::string& device, std::vector<std::string> set = {})
      : options(session_options(folder.write("job.yaml", kSmallJob), device)) {
    options.overrides = std::move(set);
  }
  TemporaryFolder folder;
  train::SessionOptions options;
};

inline std::vector<double> losses_of(const train::SessionOptions& options, int iterations) {
  train::Session session(options);
  train::Trainer trainer(session);
  std::vector<double> losses;
  for (int i = 0; i < iterations; ++i)
    losses.push_back(trainer.iterate());
  return losses;
}

inline void check_alike(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("iteration ", i);
    CHECK(std::abs(found[i] - expected[i]) <= 1e-3 * std::abs(expected[i]));
  }
}

// Whether the build has that device and the machine too; says so where it hasn't.
inline bool has_device(const std::string& name,
                       const registry::SearchOptions& search = session_options("").plugins) {
  train::Plugins plugins(search);
  for (const train::DeviceKind& kind : plugins.device_kinds()) {
    if (kind.name != name) continue;
    const std::string subject = "device '" + name + "': ";
    const net::Provided provided = plugins.catalogue().load("device", name, {}, subject);
    uint64_t count = 0;
    dlr_string reason{};
    host::check(static_cast<const dlr_device_type*>(provided.type)->count(&count, &reason),
                subject);
    if (count > 0) return true;
  }
  MESSAGE("no device '", name, "' here");
  return false;
}

}  // namespace dlrun::test
