// Two nets in two threads of one process, on one device or on two, train as if each were alone.
#include <doctest/doctest.h>

#include <latch>
#include <thread>

#include "tests/unit/train_small_job.hpp"

namespace dlrun::test {
namespace {

std::vector<double> trained(uint64_t seed) {
  train::SessionOptions options = session_options(lenet());
  options.threads = 1;
  options.overrides = {"solver.random_seed=" + std::to_string(seed)};
  train::Session session(options);
  train::Trainer trainer(session);
  for (int i = 0; i < 15; ++i)
    trainer.iterate();
  return all_params(trainer.net());
}

struct Outcome {
  std::vector<double> losses;
  std::vector<double> params;

  bool operator==(const Outcome&) const = default;
};

// Trains; waits for the other, if there is one, before the first iteration, so that they meet there
// too: devices build their kernels in it.
Outcome outcome_of(const SmallJob& job, std::latch* start = nullptr) {
  train::Session session(job.options);
  train::Trainer trainer(session);
  if (start != nullptr) start->arrive_and_wait();
  Outcome outcome;
  for (int i = 0; i < 40; ++i)
    outcome.losses.push_back(trainer.iterate());
  outcome.params = all_params(trainer.net());
  return outcome;
}

void check_together(const std::string& device_1, const std::string& device_2) {
  if (!has_device(device_1) || !has_device(device_2)) return;
  const SmallJob job_1(device_1, {"solver.random_seed=1"});
  const SmallJob job_2(device_2, {"solver.random_seed=2"});
  const Outcome alone_1 = outcome_of(job_1);
  const Outcome alone_2 = outcome_of(job_2);
  CHECK(alone_1.losses != alone_2.losses);
  Outcome together_1;
  Outcome together_2;
  std::latch start(2);
  std::thread first([&] { together_1 = outcome_of(job_1, &start); });
  std::thread second([&] { together_2 = outcome_of(job_2, &start); });
  first.join();
  second.join();
  CHECK(together_1 == alone_1);
  CHECK(together_2 == alone_2);
}

}  // namespace

TEST_CASE("two nets in two threads give the results of running alone") {
  const std::vector<double> alone_1 = trained(1);
  const std::vector<double> alone_2 = trained(2);
  CHECK(alone_1 != alone_2);
  std::vector<double> together_1;
  std::vector<double> together_2;
  std::thread first([&] { together_1 = trained(1); });
  std::thread second([&] { together_2 = trained(2); });
  first.join();
  second.join();
  CHECK(together_1 == alone_1);
  CHECK(together_2 == alone_2);
}

TEST_CASE("nets on two devices at once give the results of running alone") {
  SUBCASE("cpu and strict") {
    check_together("cpu", "strict");
  }
  SUBCASE("cpu and opencl") {
    check_together("cpu", "opencl");
  }
  SUBCASE("onednn and opencl") {
    check_together("onednn", "opencl");
  }
  SUBCASE("cpu and onednn") {
    check_together("cpu", "onednn");
  }
}

TEST_CASE("two nets on devices of one kind give the results of running alone") {
  SUBCASE("opencl") {
    check_together("opencl", "opencl");
  }
  SUBCASE("onednn") {
    check_together("onednn", "onednn");
  }
  SUBCASE("strict") {
    check_together("strict", "strict");
  }
}

}  // namespace dlrun::test
