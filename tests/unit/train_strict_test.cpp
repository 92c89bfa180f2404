// The device that finds mistakes, and nets on several devices of one process.
#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "core/base/error.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

std::vector<double> losses_of(const train::SessionOptions& options, int iterations) {
  train::Session session(options);
  train::Trainer trainer(session);
  std::vector<double> losses;
  for (int i = 0; i < iterations; ++i)
    losses.push_back(trainer.iterate());
  return losses;
}

void check_alike(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("iteration ", i);
    CHECK(std::abs(found[i] - expected[i]) <= 1e-3 * std::abs(expected[i]));
  }
}

// Sets DLRUN_STRICT while it lives.
class StrictWords {
 public:
  explicit StrictWords(const char* words) { setenv("DLRUN_STRICT", words, 1); }
  ~StrictWords() { unsetenv("DLRUN_STRICT"); }
  StrictWords(const StrictWords&) = delete;
  StrictWords& operator=(const StrictWords&) = delete;
};

// What is logged as a warning or worse while it lives.
class Warnings {
 public:
  Warnings() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text_);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_level(spdlog::level::warn);
    spdlog::set_default_logger(logger);
  }
  ~Warnings() { spdlog::set_default_logger(before_); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

// A small net that trains, with convolutions, on inputs of its own.
const char* const kJob = R"(
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

struct Job {
  explicit Job(const std::string& device, std::vector<std::string> set = {})
      : options(session_options(folder.write("job.yaml", kJob), device)) {
    options.overrides = std::move(set);
  }
  TemporaryFolder folder;
  train::SessionOptions options;
};

std::string device_of(net::Net& net, const std::string& layer) {
  return net.find_stage(layer)->layer->context.executor->device().name();
}

std::string failure(const Job& job) {
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
  constexpr int kIterations = 20;  // strict takes its time
  check_alike(losses_of(session_options(lenet(), "strict"), kIterations),
              losses_of(session_options(lenet(), "cpu"), kIterations));
}

TEST_CASE("strict gives the same whatever order it draws, and with all work late") {
  const Job cpu("cpu");
  const Job strict("strict");
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
  const Job job("strict");
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
  const Job job("strict");
  for (const char* words : {"fail_allocation=9", "fail_copy=4", "fail_late=20", "memory=5000"}) {
    INFO(words);
    const StrictWords environment(words);
    CHECK(failure(job).find("strict: ") != std::string::npos);
  }
}

TEST_CASE("two nets on two devices in two threads give the results of running alone") {
  const Job cpu("cpu");
  const Job strict("strict");
  const std::vector<double> cpu_alone = losses_of(cpu.options, 40);
  const std::vector<double> strict_alone = losses_of(strict.options, 40);
  std::vector<double> cpu_losses;
  std::vector<double> strict_losses;
  std::thread first([&] { cpu_losses = losses_of(cpu.options, 40); });
  std::thread second([&] { strict_losses = losses_of(strict.options, 40); });
  first.join();
  second.join();
  CHECK(cpu_losses == cpu_alone);
  CHECK(strict_losses == strict_alone);
}

TEST_CASE("a layer runs on the device that it names, the others on the job's") {
  const Job plain("cpu");
  const Job job("strict", {"net.layer[pool].device=cpu", "net.layer[ip].device=strict:1"});
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
  const Job job("cpu", {"net.layer[pool].device=strickt"});
  const std::string message = failure(job);
  CHECK(message.find("layer 'pool'") != std::string::npos);
  CHECK(message.find("did you mean 'strict'") != std::string::npos);
}

TEST_CASE("a thousand rounds of device and net leave nothing behind") {
  const auto resident = [] {
    std::ifstream file("/proc/self/statm");
    long total = 0, pages = 0;
    file >> total >> pages;
    return pages * 4096;
  };
  const Job job("strict");
  const Warnings warnings;
  train::Session session(job.options);
  const auto round = [&] {
    const train::DeviceChoice choice{"strict", false, 1, ""};
    const net::Devices devices =
        train::open_devices(session.catalogue(), session.plugins().device_kinds(), choice);
    const config::Node& node = session.job().train_net;
    net::Net net(node, session.catalogue(), session.net_options(node, true));
    net.prepare(devices);
    net.begin_iteration();
    net.forward();
    net.backward();
  };
#ifdef __SANITIZE_ADDRESS__
  constexpr int kRounds = 50;
  constexpr long kGrowth = 256 << 20;  // the sanitizer keeps what was freed back, up to so much
#else
  constexpr int kRounds = 1000;
  constexpr long kGrowth = 4 << 20;
#endif
  for (int i = 0; i < kRounds / 10; ++i)
    round();
  const long before = resident();
  for (int i = 0; i < kRounds; ++i)
    round();
  CHECK(resident() - before < kGrowth);
  CHECK(warnings.text() == "");
}

}  // namespace dlrun::test
