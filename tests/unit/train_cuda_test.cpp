// Training on the cuda device, whose libraries are doubles: its host logic, not a GPU's numbers.
#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <thread>

#include "core/base/error.hpp"
#include "core/train/layer_clock.hpp"
#include "tests/unit/cuda_double.hpp"
#include "tests/unit/train_small_job.hpp"

namespace dlrun::test {
namespace {

constexpr int kIterations = 20;

// The installed plugins, with the double's build of the device before the real one.
train::SessionOptions cuda_options(const std::string& config, const std::string& device = "cuda") {
  train::SessionOptions options = session_options(config, device);
  CudaDouble::prefer(options.plugins.plugin_path);
  return options;
}

struct CudaJob {
  explicit CudaJob(const std::string& device = "cuda")
      : options(cuda_options(folder.write("job.yaml", kSmallJob), device)) {}
  TemporaryFolder folder;
  train::SessionOptions options;
};

// Two iterations; what they fail with, "" when they don't. `then` is called behind them.
std::string failure(
    const train::SessionOptions& options,
    const std::function<void(train::Trainer&)>& then = [](train::Trainer&) {}) {
  try {
    train::Session session(options);
    train::Trainer trainer(session);
    trainer.iterate();
    trainer.iterate();
    trainer.net().synchronize();
    then(trainer);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

struct Timed {
  train::Timeline timeline;
  uint64_t first_call;  // of CUDA's, while timing
  uint64_t last_call;
};

Timed time_an_iteration(train::Trainer& trainer, const CudaDouble& cuda) {
  Timed timed;
  timed.first_call = cuda.calls() + 1;
  train::LayerClock clock(trainer.net());
  trainer.iterate();
  timed.timeline = clock.timeline();
  timed.last_call = cuda.calls();
  return timed;
}

// Each layer has work on cuda in each pass, but the one that fills its tops on the host.
void check_times(const net::Net& net, const train::Timeline& timeline) {
  REQUIRE(timeline.devices.size() == 1);
  std::set<uint64_t> labels;
  for (const memory::Span& span : timeline.devices[0].spans) {
    labels.insert(span.label);
    CHECK(span.end_ns > span.begin_ns);
  }
  for (size_t i = 0; i < timeline.layers.size(); ++i) {
    const net::Stage& stage = *net.stages()[timeline.layers[i].stage];
    if (!stage.layer || stage.layer->type_name == "DummyData") continue;
    INFO(stage.layer->type_name);
    CHECK(labels.count(i + 1) == 1);
  }
}

}  // namespace

TEST_CASE("LeNet's losses on cuda are those of cpu") {
  const CudaDouble cuda;
  constexpr int kFirst = 15;  // later, other roundings have grown
  check_alike(losses_of(cuda_options(lenet()), kFirst),
              losses_of(session_options(lenet()), kFirst));
  CHECK(cuda.problems() == "");
}

TEST_CASE("cuda runs every layer of LeNet, its convolutions by cuDNN") {
  const CudaDouble cuda;
  train::Session session(cuda_options(lenet()));
  train::Trainer trainer(session);
  int convolutions = 0;
  for (const auto& stage : trainer.net().stages()) {
    if (!stage->layer) continue;
    const net::LayerNode& layer = *stage->layer;
    INFO(layer.type_name);
    CHECK((layer.context.executor->device().name() == "cuda" || layer.facts.host_only != 0));
    for (const net::Operator& op : layer.operators)
      convolutions +=
          op.op.rfind("convolution", 0) == 0 && op.device != nullptr && op.device->name() == "cuda";
  }
  CHECK(convolutions == 6);  // two layers, three directions
}

TEST_CASE("whatever order cuda's streams run in, the losses are the same") {
  const CudaJob job;
  const std::vector<double> expected = losses_of(SmallJob("cpu").options, kIterations);
  for (const char* words : {"seed=2", "seed=3", "capability=90"}) {
    INFO(words);
    const CudaDouble cuda(words);
    check_alike(losses_of(job.options, kIterations), expected);
    CHECK(cuda.problems() == "");
  }
}

TEST_CASE("whatever call of CUDA's fails, the run ends with that error and nothing is left") {
  const CudaJob job;
  uint64_t calls = 0;
  {
    const CudaDouble cuda;
    CHECK(failure(job.options, [&](train::Trainer&) { calls = cuda.calls(); }) == "");
    CHECK(cuda.problems() == "");
  }
  REQUIRE(calls > 200);
  // Each of those that open the device and make the first things, then every fifth.
  for (uint64_t call = 1; call <= calls; call += call < 60 ? 1 : 5) {
    INFO("call ", call, " of ", calls);
    const CudaDouble cuda("fail_call=" + std::to_string(call));
    const std::string message = failure(job.options);
    CHECK_MESSAGE(message.find("fails as planned") != std::string::npos, message);
    CHECK(message.find("fails as planned") == message.rfind("fails as planned"));
    CHECK(cuda.problems() == "");
  }
}

TEST_CASE("cuda's layers are timed by the device, and whatever call fails meanwhile is told") {
  const CudaJob job;
  Timed timed;
  for (int run = 0; run < 2; ++run) {  // the first one compiles
    const CudaDouble cuda;
    const auto time_and_check = [&](train::Trainer& trainer) {
      timed = time_an_iteration(trainer, cuda);
      check_times(trainer.net(), timed.timeline);
    };
    CHECK(failure(job.options, time_and_check) == "");
    CHECK(cuda.problems() == "");
  }
  const uint64_t first = timed.first_call;
  REQUIRE(timed.last_call > first + 100);
  for (uint64_t call = first; call <= timed.last_call; call += call < first + 30 ? 1 : 5) {
    INFO("call ", call, " of ", first, " to ", timed.last_call);
    const CudaDouble cuda("fail_call=" + std::to_string(call));
    const std::string message =
        failure(job.options, [&](train::Trainer& trainer) { time_an_iteration(trainer, cuda); });
    CHECK_MESSAGE(message.find("fails as planned") != std::string::npos, message);
    CHECK(message.find("fails as planned") == message.rfind("fails as planned"));
    CHECK(cuda.problems() == "");
  }
}

TEST_CASE("work that fails on the device, and memory that isn't there, are told") {
  const CudaJob job;
  for (const char* words : {"fail_late=1", "fail_late=10", "fail_late=40"}) {
    INFO(words);
    const CudaDouble cuda(words);
    const std::string message = failure(job.options);
    CHECK_MESSAGE(message.find("fails as planned") != std::string::npos, message);
    CHECK(cuda.problems() == "");
  }
  const CudaDouble cuda("memory=9000");
  const std::string message = failure(job.options);
  CHECK_MESSAGE(message.find("the device has 9000 in all") != std::string::npos, message);
  CHECK(cuda.problems() == "");
}

TEST_CASE("two nets on two cuda devices in two threads give the results of running alone") {
  const CudaDouble cuda;
  const CudaJob first;
  const CudaJob second("cuda:1");
  const std::vector<double> alone = losses_of(first.options, kIterations);
  std::vector<double> first_losses;
  std::vector<double> second_losses;
  std::thread thread([&] { second_losses = losses_of(second.options, kIterations); });
  first_losses = losses_of(first.options, kIterations);
  thread.join();
  CHECK(first_losses == alone);
  CHECK(second_losses == alone);
  CHECK(cuda.problems() == "");
}

TEST_CASE("one net on cuda, cuda:1 and cpu gives cpu's losses") {
  const CudaDouble cuda;
  CudaJob job;
  job.options.overrides = {"net.layer[pool].device=cpu", "net.layer[ip].device=cuda:1"};
  check_alike(losses_of(job.options, kIterations), losses_of(SmallJob("cpu").options, kIterations));
  CHECK(cuda.problems() == "");
}

TEST_CASE("a machine without a GPU is told so") {
  const CudaDouble cuda("devices=0");
  CHECK(failure(CudaJob().options).find("the CUDA driver shows no device") != std::string::npos);
  CHECK(failure(CudaJob("cuda:2").options).find("no device") != std::string::npos);
}

}  // namespace dlrun::test
