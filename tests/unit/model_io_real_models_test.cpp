// Models that other people trained with Caffe, in formats that nobody writes any more. The files
// aren't part of dlrun: without them this passes over.
#include <algorithm>

#include "core/model_io/solver_state.hpp"
#include "core/model_io/weights.hpp"
#include "model_io_support.hpp"
#include "tests/unit/roots.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

const fs::path kModels = dlrun::test::source_root() + "/../shared/real/models";

struct Expected {
  const char* layer;
  size_t blob;
  std::vector<int64_t> shape;
  Sums sums;
};

void check_blobs(const std::vector<LayerWeights>& layers, const std::vector<Expected>& expected) {
  for (const Expected& wanted : expected) {
    CAPTURE(wanted.layer);
    const auto layer = std::find_if(layers.begin(), layers.end(),
                                    [&](const auto& one) { return one.name == wanted.layer; });
    REQUIRE(layer != layers.end());
    REQUIRE(layer->blobs.size() == 2);
    const HostBlob& blob = layer->blobs[wanted.blob];
    CHECK(blob.shape_fits(wanted.shape));
    const Sums sums = sums_of(blob);
    CHECK(sums.count == wanted.sums.count);
    CHECK(sums.plain == doctest::Approx(wanted.sums.plain).epsilon(1e-9));
    CHECK(sums.placed == doctest::Approx(wanted.sums.placed).epsilon(1e-9));
  }
}

}  // namespace

TEST_CASE("a V1 model of 2014 and its solver state have their values" *
          doctest::skip(!fs::exists(kModels))) {
  const fs::path folder = kModels / "everpeace-caffe2014-mnist";
  const std::vector<LayerWeights> layers = read_weights(folder / "lenet_iter_5000.caffemodel");
  CHECK(layers.size() == 9);
  check_blobs(layers,
              {{"conv1", 1, {20}, {20, -1.5812784135341644, -17.312542028725147}},
               {"conv2", 0, {50, 20, 5, 5}, {25000, -107.81853637413406, -1333030.497803902}},
               {"ip1", 0, {500, 800}, {400000, 85.61929816360791, 16321719.945587425}}});
  const SolverStateFile state = read_solver_state(folder / "lenet_iter_5000.solverstate");
  CHECK(state.iteration == 5000);
  CHECK(state.learned_net == "examples/mnist/lenet_iter_5000.caffemodel");
  REQUIRE(state.history.size() == 8);
  CHECK(state.history[4].shape_fits({500, 800}));
  CHECK(sums_of(state.history[4]).placed == doctest::Approx(-2306.8135353591465).epsilon(1e-9));
}

TEST_CASE("an HDF5 model of Caffe has its values" * doctest::skip(!fs::exists(kModels))) {
  const std::vector<LayerWeights> layers =
      read_weights(kModels / "arm-ml-examples/cifar10_m4_iter_70000.caffemodel.h5");
  CHECK(layers.size() == 12);
  check_blobs(layers,
              {{"conv2", 0, {16, 32, 5, 5}, {12800, 10.401713072224993, 48279.394250032754}},
               {"conv3", 0, {32, 16, 5, 5}, {12800, -46.686658353649094, -317965.237050618}}});
}

TEST_CASE("every trained model at hand is read and has weights" *
          doctest::skip(!fs::exists(kModels))) {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kModels)) {
    if (entry.path().filename().string().find(".caffemodel") == std::string::npos) continue;
    CAPTURE(entry.path());
    size_t blobs = 0;
    for (const LayerWeights& layer : read_weights(entry.path()))
      blobs += layer.blobs.size();
    CHECK(blobs > 0);
    ++count;
  }
  CHECK(count > 5);
}
