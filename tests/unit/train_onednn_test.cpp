// Training on the onednn device: cpu's losses, the same ones in every run, and layouts that stay
// from one iteration to the next.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/train_generator_job.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

// In channels that oneDNN keeps in blocks.
const char* const kJob = R"(
solver: {type: SGD, base_lr: 0.0005, lr_policy: fixed, momentum: 0.9, weight_decay: 0.001, max_iter: 1, random_seed: 3}
net:
  name: small
  layer:
    - {name: data, type: DummyData, top: [x, label],
       dummy_data_param: {shape: [{dim: [4, 16, 14, 14]}, {dim: [4]}],
                          data_filler: [{type: gaussian}, {type: constant, value: 1}]}}
    - {name: conv1, type: Convolution, bottom: x, top: conv1,
       convolution_param: {num_output: 32, kernel_size: 3, weight_filler: {type: xavier}}}
    - {name: relu1, type: ReLU, bottom: conv1, top: conv1}
    - {name: norm1, type: LRN, bottom: conv1, top: norm1}
    - {name: pool1, type: Pooling, bottom: norm1, top: pool1,
       pooling_param: {pool: MAX, kernel_size: 3, stride: 2}}
    - {name: conv2, type: Convolution, bottom: pool1, top: conv2,
       convolution_param: {num_output: 64, kernel_size: 3, group: 2, weight_filler: {type: xavier}}}
    - {name: relu2, type: ReLU, bottom: conv2, top: conv2}
    - {name: ip, type: InnerProduct, bottom: conv2, top: ip,
       inner_product_param: {num_output: 4, weight_filler: {type: xavier}}}
    - {name: loss, type: SoftmaxWithLoss, bottom: [ip, label], top: loss}
)";

struct Run {
  std::vector<double> losses;
  std::vector<std::string> placement;
  double conversions;  // in each of the later iterations
};

Run train_job(const std::string& config, const std::string& device, int iterations) {
  train::Session session(session_options(config, device));
  train::Trainer trainer(session);
  Run run{};
  memory::Traffic before;
  for (int i = 0; i < iterations; ++i) {
    if (i == iterations / 2) before = trainer.net().traffic();
    run.losses.push_back(trainer.iterate());
  }
  run.conversions = static_cast<double>((trainer.net().traffic() - before).conversions) /
                    (iterations - iterations / 2);
  run.placement = trainer.net().placement_report();
  return run;
}

void check_alike(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("iteration ", i);
    CHECK(std::abs(found[i] - expected[i]) <= 1e-3 * std::abs(expected[i]));
  }
}

}  // namespace

TEST_CASE("LeNet's losses on onednn are those of cpu, and nothing is converted") {
  const Run onednn = train_job(lenet(), "onednn", 100);
  check_alike(onednn.losses, train_job(lenet(), "cpu", 100).losses);
  CHECK(onednn.conversions == 0);
}

TEST_CASE("a net in oneDNN's layouts trains as on cpu, the same in every run") {
  const TemporaryFolder folder;
  const std::string job = folder.write("job.yaml", kJob);
  const Run onednn = train_job(job, "onednn", 40);
  check_alike(onednn.losses, train_job(job, "cpu", 40).losses);
  CHECK(train_job(job, "onednn", 40).losses == onednn.losses);
  // New inputs become blocked, conv2's weights lie otherwise for its gradient by data, and the
  // inner product's input is made plain and its gradient blocked.
  CHECK(onednn.conversions <= 4);
}

TEST_CASE("transposed convolutions train on onednn as on cpu, with bias and ReLU fused") {
  const TemporaryFolder folder;
  const std::string job = folder.write("job.yaml", kGenerator);
  const Run onednn = train_job(job, "onednn", 40);
  check_alike(onednn.losses, train_job(job, "cpu", 40).losses);
  CHECK(onednn.losses.back() < onednn.losses.front());
  const auto& lines = onednn.placement;
  CHECK(std::find(lines.begin(), lines.end(), "1 of them as part of the operator before it") !=
        lines.end());
}

}  // namespace dlrun::test
