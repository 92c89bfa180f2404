// Batches of the Data and HDF5Data sources, through transforms and the net's feed, against what
// BVLC Caffe's data layers delivered from the same files (tests/golden/data).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/model_io/hdf5_file.hpp"
#include "core/model_io/image_codec.hpp"
#include "core/net/feed.hpp"
#include "tests/unit/plugin_bench.hpp"
#include "tests/unit/roots.hpp"

namespace {

const std::string kFolder = dlrun::test::source_root() + "/tests/golden/data/";

// Sets of values whose largest difference is at most 1e-5 + 1e-4 * the largest value, as `dlrun
// verify` has it.
void check_close(const std::vector<float>& found, const std::vector<float>& expected) {
  REQUIRE(found.size() == expected.size());
  float largest = 0;
  float difference = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    difference = std::max(difference, std::fabs(found[i] - expected[i]));
  }
  CHECK(difference <= 1e-5f + 1e-4f * largest);
}

void check_case(dlrun::test::PluginBench& bench, const std::string& name) {
  CAPTURE(name);
  const auto net = dlrun::config::load_net(kFolder + name + ".prototxt", bench);
  const auto layer = net.message("layer", 0);
  dlrun::net::Feed feed(layer, bench, DLR_F32, false, 1);
  const auto recorded = dlrun::model_io::Hdf5File::open(kFolder + name + ".h5");
  int batches = 0;
  for (; recorded.is_group("batch/" + std::to_string(batches)); ++batches) {
    CAPTURE(batches);
    std::vector<std::vector<float>> tops;
    std::vector<void*> memory;
    for (const dlr_tensor_desc& desc : feed.tops()) {
      int64_t count = 1;
      for (uint32_t axis = 0; axis < desc.rank; ++axis)
        count *= desc.dim[axis];
      tops.emplace_back(count);
      memory.push_back(tops.back().data());
    }
    feed.next(memory);
    for (size_t top = 0; top < tops.size(); ++top) {
      const std::string dataset =
          "batch/" + std::to_string(batches) + "/" + layer.text("top", static_cast<int>(top));
      const dlr_tensor_desc& desc = feed.tops()[top];
      CHECK(recorded.shape(dataset) == std::vector<int64_t>(desc.dim, desc.dim + desc.rank));
      check_close(tops[top], recorded.read(dataset).to_floats());
    }
  }
  CHECK(batches > 1);
}

}  // namespace

TEST_CASE("batches of encoded images from LMDB are Caffe's" *
          doctest::skip(!dlrun::model_io::can_decode_images())) {
  dlrun::test::PluginBench bench({"source_data", "database_lmdb", "transform_param"});
  check_case(bench, "lmdb_png");
  check_case(bench, "lmdb_jpg");
}

TEST_CASE("batches of raw images from LMDB, transformed in every way, are Caffe's") {
  dlrun::test::PluginBench bench({"source_data", "database_lmdb", "transform_param"});
  for (const char* name : {"lmdb_raw", "lmdb_gray", "lmdb_mean_file", "lmdb_mean_one",
                           "lmdb_mean_values", "lmdb_crop", "lmdb_crop_mean_file"}) {
    check_case(bench, name);
  }
}

TEST_CASE("batches from HDF5 files are Caffe's") {
  dlrun::test::PluginBench bench({"source_hdf5_data"});
  check_case(bench, "hdf5");
}

TEST_CASE("batches from LevelDB are Caffe's" *
          doctest::skip(!std::filesystem::exists(dlrun::test::build_root() +
                                                 "/plugins/database_leveldb.so"))) {
  dlrun::test::PluginBench bench({"source_data", "database_leveldb", "transform_param"});
  check_case(bench, "leveldb_raw");
}
