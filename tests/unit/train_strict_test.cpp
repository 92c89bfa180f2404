// The device that finds mistakes, and a net whose layers are on several devices.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "core/base/error.hpp"
#include "tests/unit/train_generator_job.hpp"
#include "tests/unit/train_small_job.hpp"
#include "tests/unit/train_warnings.hpp"

namespace dlrun::test {
namespace {

// Sets DLRUN_STRICT while it lives.
class StrictWords {
 public:
  explicit StrictWords(const char* words) { setenv("DLRUN_STRICT", words, 1); }
  ~StrictWords() { unsetenv("DLRUN_STRICT"); }
  StrictWords(const StrictWords&) = delete;
  StrictWords& operator=(const StrictWords&) = delete;
};

std::string device_of(net::Net& net, const std::string& layer) {
  return net.find_stage(layer)->layer->context.executor->device().name();
}

std::string failure(const SmallJob& job) {
  try {
    train::Session session(job.options);
    train::Trainer trainer(session);
    trainer.iterate();
    trainer.net().synchronize();
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("LeNet's losses on strict are those of cpu") {
  // Strict takes its time; and in float32 sums of another order lead LeNet elsewhere after some 18
  // iterations, on the cpu device's own AVX2 and AVX-512 builds too (docs/devices.md).
  constexpr int kIterations = 12;
  check_alike(losses_of(session_options(lenet(), "strict"), kIterations),
              losses_of(session_options(lenet(), "cpu"), kIterations));
}

TEST_CASE(
    "transposed convolutions train alike by the operator, by a gradient by data, by products") {
  const TemporaryFolder folder;
  const std::string job = folder.write("job.yaml", kGenerator);
  const std::vector<double> expected = losses_of(session_options(job, "cpu"), 10);
  for (const char* words : {"", "decline=deconvolution", "decline=deconvolution+convolution"}) {
    INFO(words);
    const StrictWords environment(words);
    check_alike(losses_of(session_options(job, "strict"), 10), expected);
  }
}

TEST_CASE("strict gives the same whatever order it draws, and with all work late") {
  const SmallJob cpu("cpu");
  const SmallJob strict("strict");
  const std::vector<double> expected = losses_of(cpu.options, 30);
  for (const char* words : {"seed=2", "seed=3,late=0", "late=1", "plain", "decline=pooling+gemm"}) {
    INFO(words);
    const StrictWords environment(words);
    const Warnings warnings;
    check_alike(losses_of(strict.options, 30), expected);
    CHECK(warnings.text() == "");
  }
}

TEST_CASE("whatever call fails, the run ends with that error and nothing is left") {
  const SmallJob job("strict");
  for (int call = 1; call < 200; call += 7) {
    INFO("call ", call);
    const std::string words = "fail_call=" + std::to_string(call);
    const StrictWords environment(words.c_str());
    const Warnings warnings;
    CHECK(failure(job).find("as planned") != std::string::npos);
    CHECK(warnings.text() == "");
  }
}

TEST_CASE("failures of memory, of copies and of work under way are told") {
  const SmallJob job("strict");
  for (const char* words : {"fail_allocation=9", "fail_copy=4", "fail_late=20", "memory=5000"}) {
    INFO(words);
    const StrictWords environment(words);
    CHECK(failure(job).find("strict: ") != std::string::npos);
  }
}

TEST_CASE("a layer runs on the device that it names, the others on the job's") {
  const SmallJob plain("cpu");
  const SmallJob job("strict", {"net.layer[pool].device=cpu", "net.layer[ip].device=strict:1"});
  train::Session session(job.options);
  train::Trainer trainer(session);
  CHECK(device_of(trainer.net(), "conv") == "strict");
  CHECK(device_of(trainer.net(), "pool") == "cpu");
  CHECK(device_of(trainer.net(), "ip") == "strict:1");
  std::vector<double> losses;
  for (int i = 0; i < 20; ++i)
    losses.push_back(trainer.iterate());
  check_alike(losses, losses_of(plain.options, 20));
}

TEST_CASE("a layer that names a device there isn't is an error at its place") {
  const SmallJob job("cpu", {"net.layer[pool].device=strickt"});
  const std::string message = failure(job);
  CHECK(message.find("layer 'pool'") != std::string::npos);
  CHECK(message.find("did you mean 'strict'") != std::string::npos);
}

}  // namespace dlrun::test
