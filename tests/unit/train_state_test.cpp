// What a layer keeps but doesn't learn, BatchNorm's running averages: no solver touches it, and a
// snapshot holds it.
#include <doctest/doctest.h>

#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

const char* const kJob = R"(
solver: {type: SGD, base_lr: 0.01, lr_policy: fixed, momentum: 0.9, weight_decay: 0.1, max_iter: 6,
         test_interval: 1000, test_iter: 2, random_seed: 3}
net:
  layer:
    - {name: data, type: DummyData, top: [x, target],
       dummy_data_param: {shape: [{dim: [8, 3, 4, 4]}, {dim: [8, 2]}],
                          data_filler: [{type: gaussian, mean: 5}, {type: constant, value: 1}]}}
    - {name: norm, type: BatchNorm, bottom: x, top: norm,
       batch_norm_param: {moving_average_fraction: 0.5}}
    - {name: scale, type: Scale, bottom: norm, top: norm, scale_param: {bias_term: true}}
    - {name: ip, type: InnerProduct, bottom: norm, top: ip,
       inner_product_param: {num_output: 2, weight_filler: {type: xavier}}}
    - {name: loss, type: EuclideanLoss, bottom: [ip, target], top: loss}
)";

class Job {
 public:
  explicit Job(const std::string& device)
      : options_(session_options(folder_.write("job.yaml", kJob), device)) {
    options_.overrides = {"solver.snapshot_prefix=" + (folder_.path() / "job").string()};
  }
  const train::SessionOptions& options() const { return options_; }

 private:
  TemporaryFolder folder_;
  train::SessionOptions options_;
};

std::vector<double> values(net::Net& net, const std::string& layer, int index) {
  return train::read_blob(net, net.find_param(layer, index)->data).to_doubles();
}

constexpr int kMeanSum = 0;
constexpr int kWeight = 2;

}  // namespace

TEST_CASE("a solver with momentum and weight decay leaves running averages alone") {
  for (const char* device : {"cpu", "strict"}) {
    INFO(device);
    const Job job(device);
    train::Session session(job.options());
    train::Trainer trainer(session);
    CHECK(values(trainer.net(), "norm", kWeight) == std::vector<double>{0});
    CHECK(values(trainer.net(), "scale", 0) == std::vector<double>{1, 1, 1});
    for (int i = 0; i < 3; ++i)
      trainer.iterate();
    CHECK(values(trainer.net(), "norm", kWeight) == std::vector<double>{1.75});
    for (const double sum : values(trainer.net(), "norm", kMeanSum))
      CHECK(sum / 1.75 == doctest::Approx(5).epsilon(0.1));
    CHECK(values(trainer.net(), "scale", 0) != std::vector<double>{1, 1, 1});
  }
}

TEST_CASE("a test takes the averages of the net that is trained, and leaves them alone") {
  const Job job("cpu");
  train::Session session(job.options());
  train::Trainer trainer(session);
  trainer.iterate();
  const std::vector<double> before = all_params(trainer.net());
  trainer.test(0);
  CHECK(all_params(trainer.net()) == before);
  net::Net& test_net = *trainer.test_nets().at(0);
  CHECK(values(test_net, "norm", kMeanSum) == values(trainer.net(), "norm", kMeanSum));
}

TEST_CASE("a snapshot holds running averages, and training goes on from it bit for bit") {
  const Job job("cpu");
  train::Session session(job.options());
  train::Trainer trainer(session);
  for (int i = 0; i < 3; ++i)
    trainer.iterate();
  const std::string weights = trainer.snapshot();
  const std::vector<double> kept = values(trainer.net(), "norm", kMeanSum);

  train::Session other_session(job.options());
  train::Trainer other(other_session);
  other.resume(std::filesystem::path(weights).replace_extension(".solverstate"));
  CHECK(values(other.net(), "norm", kMeanSum) == kept);
  for (int i = 0; i < 3; ++i) {
    trainer.iterate();
    other.iterate();
  }
  CHECK(all_params(other.net()) == all_params(trainer.net()));
}

}  // namespace dlrun::test
