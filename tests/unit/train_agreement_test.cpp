// Every device computes LeNet's first hundred iterations as the cpu device does, each one from the
// cpu device's own weights and momentum.
//
// Runs that go on by themselves part ways in float32 once a near-tie in max pooling falls
// otherwise (docs/decisions/how-devices-agree.md); from the same state, one iteration can't.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/unit/cuda_double.hpp"
#include "tests/unit/train_small_job.hpp"

namespace dlrun::test {
namespace {

constexpr int kIterations = 100;

struct Job {
  Job(const std::string& device, int batch, const std::string& isa = "")
      : session(options(device, batch, isa)), trainer(session) {}

  static train::SessionOptions options(const std::string& device, int batch,
                                       const std::string& isa) {
    train::SessionOptions options = session_options(lenet(), device);
    if (CudaDouble::is_built()) CudaDouble::prefer(options.plugins.plugin_path);
    options.overrides = {"net.layer[mnist].idx_data_param.batch_size=" + std::to_string(batch)};
    options.isa = isa;
    return options;
  }
  // Takes over weights and momentum.
  void go_on_from(Job& other) {
    for (size_t i = 0; i < trainer.net().params().size(); ++i)
      train::write_blob(
          trainer.net(), trainer.net().params()[i]->data,
          train::read_blob(other.trainer.net(), other.trainer.net().params()[i]->data));
    trainer.optimizer().set_history(other.trainer.optimizer().history(), "the other job");
  }

  train::Session session;
  train::Trainer trainer;
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double square = 0;
  for (size_t i = 0; i < a.size(); ++i)
    square += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(square);
}

// Losses to 1e-4 of themselves; the step of all parameters to 5e-3 of its length, for a near-tie
// that falls otherwise moves one value's gradient.
void check_each_iteration(const std::string& device, int batch, const std::string& isa = "") {
  Job reference("cpu", batch);
  Job job(device, batch, isa);
  double farthest_loss = 0;
  double farthest_step = 0;
  for (int i = 0; i < kIterations; ++i) {
    job.go_on_from(reference);
    const std::vector<double> before = all_params(reference.trainer.net());
    const double expected = reference.trainer.iterate();
    const double found = job.trainer.iterate();
    farthest_loss = std::max(farthest_loss, std::abs(found - expected) / std::abs(expected));
    const std::vector<double> after = all_params(reference.trainer.net());
    farthest_step = std::max(
        farthest_step, distance(all_params(job.trainer.net()), after) / distance(after, before));
  }
  MESSAGE(device, " ", isa, ": losses within ", farthest_loss, ", steps within ", farthest_step);
  CHECK(farthest_loss < 1e-4);
  CHECK(farthest_step < 5e-3);
}

}  // namespace

TEST_CASE("from the cpu device's state, each of LeNet's first iterations is the cpu device's") {
  for (const char* device : {"cpu", "onednn", "opencl"}) {
    INFO(device);
    if (has_device(device))
      check_each_iteration(device, 64, device == std::string("cpu") ? "baseline" : "");
  }
}

TEST_CASE("strict and cuda's double do so on small batches, for they are slow") {
  const CudaDouble cuda;
  for (const char* device : {"strict", "cuda"}) {
    INFO(device);
    if (has_device(device, Job::options(device, 4, "").plugins)) check_each_iteration(device, 4);
  }
  CHECK(cuda.problems() == "");
}

}  // namespace dlrun::test
