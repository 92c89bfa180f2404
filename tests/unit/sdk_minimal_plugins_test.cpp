// Plugins with nothing but what the interface requires (tests/plugins/minimal), as they are, with
// the structs of an older minor, which end earlier, and with those of a newer one, which go on; and
// those of them that were compiled once and kept (tests/abi/frozen).
#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "core/host/error.hpp"
#include "core/host/host_table.hpp"
#include "core/host/params.hpp"
#include "tests/unit/roots.hpp"
#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

namespace fs = std::filesystem;

const char* const kJob = R"(
solver: {type: Descend, base_lr: 1, lr_policy: slower, max_iter: 1, random_seed: 1}
net:
  name: minimal
  layer:
    - {name: data, type: Steps, top: [x, target], plus_one: {}}
    - {name: double, type: Double, bottom: x, top: double}
    - {name: ip, type: InnerProduct, bottom: double, top: ip,
       inner_product_param: {num_output: 1, bias_term: false, weight_filler: {type: quarter}}}
    - {name: loss, type: EuclideanLoss, bottom: [ip, target], top: loss}
)";

#if defined(__x86_64__) && defined(__GLIBC__)
const std::vector<std::string> kBuilds = {"", "_older", "_newer", "frozen"};
#else
const std::vector<std::string> kBuilds = {"", "_older", "_newer"};
#endif

// The library of the minimal plugin of a kind; of those that aren't frozen, today's.
fs::path library_of(const std::string& kind, const std::string& build) {
  const fs::path frozen =
      fs::path(dlrun::test::source_root()) / "tests/abi/frozen" / (kind + "_minimal.so");
  if (build == "frozen" && fs::exists(frozen)) return frozen;
  const std::string suffix = build == "frozen" ? "" : build;
  return fs::path(dlrun::test::build_root()) / "tests/plugins" /
         ("minimal_" + kind + suffix + ".so");
}

// The job, and the minimal plugins of one build.
struct Job {
  explicit Job(const std::string& build, const std::string& device = "cpu")
      : options(session_options(folder.write("job.yaml", kJob), device)) {
    fs::create_directory(folder.path() / "minimal");
    for (const char* kind :
         {"database", "device", "filler", "layer", "schedule", "solver", "source", "transform"}) {
      fs::copy_file(library_of(kind, build),
                    folder.path() / "minimal" / (kind + std::string(".so")));
    }
    options.plugins.plugin_path.push_back((folder.path() / "minimal").string());
    options.plugins.executable =  // describes them
        fs::path(dlrun::test::build_root()) / "tests/plugins/registry_helper";
    static const TemporaryFolder cache;  // what is known of the build's own plugins is kept
    options.plugins.cache_folder = cache.path();
    options.fallback = "allow";
  }
  TemporaryFolder folder;
  train::SessionOptions options;
};

// What the plugins say that they do, written down a second time: the losses of the first
// iterations.
std::vector<double> expected_losses(int iterations) {
  std::array<double, 3> weights = {0.25, 0.25, 0.25};
  std::vector<double> losses;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    double loss = 0;
    std::array<double, 3> gradient = {};
    for (int sample = 0; sample < 4; ++sample) {
      const int position = (4 * iteration + sample) % 8;
      const std::array<double, 3> x = {2 * (0.1 * position + 1), 2 * 1.2, 2 * 0.7};
      const double error = std::inner_product(x.begin(), x.end(), weights.begin(), -1.0);
      loss += error * error / 8;
      for (size_t i = 0; i < x.size(); ++i)
        gradient[i] += error * x[i] / 4;
    }
    for (size_t i = 0; i < weights.size(); ++i)
      weights[i] -= 0.05 / (1 + iteration) * gradient[i];
    losses.push_back(loss);
  }
  return losses;
}

void check_training(const Job& job) {
  train::Session session(job.options);
  train::Trainer trainer(session);
  for (const double expected : expected_losses(6))
    CHECK(trainer.iterate() == doctest::Approx(expected).epsilon(1e-5));
}

}  // namespace

TEST_CASE("source, transform, layer, filler, solver and schedule train a net") {
  for (const std::string& build : kBuilds) {
    CAPTURE(build);
    check_training(Job(build));
  }
}

TEST_CASE("what lies behind the end of a layer's structs isn't read") {
  for (const std::string& build : kBuilds) {
    CAPTURE(build);
    const Job job(build);
    train::Session session(job.options);
    train::Trainer trainer(session);
    const net::LayerNode& layer = *trainer.net().find_stage("double")->layer;
    CHECK(layer.facts.host_only == 1);
    CHECK(layer.facts.per_sample == 0);
    CHECK(layer.facts.no_backward == 0);
    CHECK(layer.top_descs[0].layout == DLR_LAYOUT_PLAIN);
    CHECK(layer.facts.size == sizeof(dlr_layer_facts));
  }
}

TEST_CASE("a device of level 0 is opened, keeps bytes, and lets the host compute") {
  for (const std::string& build : kBuilds) {
    CAPTURE(build);
    const Job job(build, "box");
    train::Session session(job.options);
    memory::Device& device = *session.devices().primary;
    CHECK(device.name() == "box");
    CHECK_FALSE(device.has_kernels());
    CHECK_FALSE(device.has_operators());
    const std::array<uint8_t, 4> bytes = {1, 2, 3, 4};
    std::array<uint8_t, 4> found = {};
    const auto host_memory = [](void* data) {
      return dlr_mem{DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(data), 0, 4};
    };
    const dlr_mem mem = device.allocate(4);
    device.copy(mem, host_memory(const_cast<uint8_t*>(bytes.data())), 4);
    device.zero(mem, 2);
    device.zero_padding({}, mem);  // optional, so nothing
    device.copy(host_memory(found.data()), mem, 4);
    device.release(mem);
    CHECK(found == std::array<uint8_t, 4>{0, 0, 3, 4});

    dlr_tensor_desc private_layout{};
    private_layout.layout = 1;
    CHECK_THROWS_WITH_AS(device.layout_bytes(private_layout),
                         "device 'box': it chose a private layout, but lacks "
                         "layout_bytes or zero_padding",
                         base::Error);
    std::string reason;
    dlr_op_desc desc{};
    CHECK(device.plan(desc, &reason) == nullptr);
    CHECK(reason == "the device has no operators");

    check_training(job);
  }
}

TEST_CASE("a database keeps entries for those who read through the host") {
  for (const std::string& build : kBuilds) {
    CAPTURE(build);
    const Job job(build);
    train::Session session(job.options);
    const auto& type =
        session.catalogue().get<dlr_database_type>("database", "KEPT", {}, "database: ");
    void* writer = nullptr;
    host::check(type.open({"any", 3}, 1, &writer));
    host::check(type.put(writer, {"a", 1}, {"first", 5}));
    host::check(type.put(writer, {"b", 1}, {"second", 6}));
    host::check(type.commit(writer));
    type.close(writer);

    host::ParamsOwner owner(session.catalogue());
    const dlr_data_api& data = *host::host_table()->data;
    dlr_database* database = nullptr;
    host::check(
        data.open_database(owner.add(session.job().solver), {"KEPT", 4}, {"any", 3}, &database));
    uint64_t count = 0;
    host::check(data.count(database, &count));
    CHECK(count == 2);
    dlr_string key{}, value{};
    uint8_t at_end = 0;
    std::vector<std::string> values;
    for (host::check(data.first(database)); at_end == 0;) {
      host::check(data.next(database, &key, &value, &at_end));
      if (at_end == 0) values.emplace_back(host::from_abi(value));
    }
    CHECK(values == std::vector<std::string>{"first", "second"});
    data.close_database(database);
  }
}

}  // namespace dlrun::test
