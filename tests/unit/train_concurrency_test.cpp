// Two nets in two threads of one process train as if each were alone.
#include <doctest/doctest.h>

#include <thread>

#include "tests/unit/train_support.hpp"

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

}  // namespace dlrun::test
