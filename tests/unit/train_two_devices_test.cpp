// Two OpenCL devices in one process: each trains a net of its own at the same time.
#include <doctest/doctest.h>

#include <thread>

#include "core/base/error.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

// PoCL reads it when the first platform is asked for; other drivers don't care.
const int kTwoDevices = setenv("POCL_DEVICES", "basic pthread", 1);

std::vector<double> trained(const std::string& device, uint64_t seed) {
  train::SessionOptions options = session_options(lenet(), device);
  options.threads = 1;
  options.overrides = {"solver.random_seed=" + std::to_string(seed)};
  train::Session session(options);
  train::Trainer trainer(session);
  CHECK(session.devices().primary->name() == device);
  for (int i = 0; i < 3; ++i)
    trainer.iterate();
  return all_params(trainer.net());
}

bool has_device(const std::string& device) {
  try {
    train::Session session(session_options(lenet(), device));
    session.devices();
    return true;
  } catch (const base::Error& error) {
    const std::string why = error.what();
    const bool is_absent = why.find("finds no device") != std::string::npos ||
                           why.find("there is no device") != std::string::npos;
    if (!is_absent) throw;
    MESSAGE("skipped: ", why);
    return false;
  }
}

}  // namespace

TEST_CASE("two nets on two opencl devices give the results of running alone") {
  REQUIRE(kTwoDevices == 0);
  if (!has_device("opencl") || !has_device("opencl:1")) return;
  const std::vector<double> alone_1 = trained("opencl", 1);
  const std::vector<double> alone_2 = trained("opencl:1", 2);
  CHECK(alone_1 != alone_2);
  std::vector<double> together_1;
  std::vector<double> together_2;
  std::thread first([&] { together_1 = trained("opencl", 1); });
  std::thread second([&] { together_2 = trained("opencl:1", 2); });
  first.join();
  second.join();
  CHECK(together_1 == alone_1);
  CHECK(together_2 == alone_2);
}

TEST_CASE("a device number beyond the last names how many there are") {
  if (!has_device("opencl")) return;
  CHECK_THROWS_WITH_AS(trained("opencl:99", 1), doctest::Contains("there is no device 'opencl:99'"),
                       base::Error);
}

}  // namespace dlrun::test
