// transform_param: mean, scale, crop and mirror, and where its random draws come from.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include "tests/unit/plugin_bench.hpp"

namespace {

using dlrun::test::failure_of;
using dlrun::test::PluginBench;

// Images of C x H x W bytes whose values count up from 0.
struct Image {
  int64_t channels;
  int64_t height;
  int64_t width;
};

class Bench {
 public:
  Bench(const std::string& fields, bool is_training)
      : plugins_({"transform_param"}),
        type_(plugins_.type<dlr_transform_type>("transform", "transform_param")) {
    const auto layer =
        plugins_.parse_layer("name: 'l' type: 'T' transform_param { " + fields + " }");
    dlrun::host::check(
        type_.create(plugins_.params(layer.message("transform_param")), is_training, &self_));
  }
  ~Bench() { type_.destroy(self_); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::vector<float> apply(const Image& image, uint64_t position = 0, uint64_t stream = 1) {
    std::vector<uint8_t> pixels(static_cast<size_t>(image.channels * image.height * image.width));
    std::iota(pixels.begin(), pixels.end(), uint8_t{0});
    dlr_array in{
        pixels.data(), pixels.size(), DLR_U8, 3, {image.channels, image.height, image.width}};
    dlr_array out{};
    dlrun::host::check(type_.shape(self_, &in, &out));
    REQUIRE(out.dtype == DLR_F32);
    std::vector<float> result(static_cast<size_t>(out.dim[0] * out.dim[1] * out.dim[2]));
    out.data = result.data();
    out.bytes = result.size() * sizeof(float);
    dlrun::host::check(type_.apply(self_, &in, {5, stream}, position, &out));
    return result;
  }

 private:
  PluginBench plugins_;
  const dlr_transform_type& type_;
  void* self_ = nullptr;
};

using Floats = std::vector<float>;

}  // namespace

TEST_CASE("the mean is subtracted before scaling") {
  CHECK(Bench("scale: 0.5 mean_value: 1", true).apply({1, 2, 2}) == Floats{-0.5f, 0, 0.5f, 1});
  CHECK(Bench("mean_value: 1 mean_value: 2", true).apply({2, 1, 2}) == Floats{-1, 0, 0, 1});
}

TEST_CASE("testing crops the centre") {
  CHECK(Bench("crop_size: 2", false).apply({1, 4, 4}) == Floats{5, 6, 9, 10});
  CHECK(Bench("crop_size: 2", false).apply({1, 3, 5}) == Floats{1, 2, 6, 7});
}

TEST_CASE("training crops everywhere, and the same window again for the same key and position") {
  Bench bench("crop_size: 2", true);
  std::set<float> corners;
  for (uint64_t position = 0; position < 200; ++position)
    corners.insert(bench.apply({1, 4, 4}, position)[0]);
  CHECK(corners == std::set<float>{0, 1, 2, 4, 5, 6, 8, 9, 10});
  CHECK(bench.apply({1, 4, 4}, 17) == Bench("crop_size: 2", true).apply({1, 4, 4}, 17));
  int differ = 0;
  for (uint64_t position = 0; position < 50; ++position) {
    differ += bench.apply({1, 4, 4}, position, 1) != bench.apply({1, 4, 4}, position, 2);
  }
  CHECK(differ > 30);
}

TEST_CASE("mirror flips about half of the samples, in either phase") {
  for (const bool is_training : {true, false}) {
    Bench bench("mirror: true", is_training);
    int mirrored = 0;
    for (uint64_t position = 0; position < 1000; ++position) {
      const Floats row = bench.apply({1, 1, 3}, position);
      const bool flipped = row == Floats{2, 1, 0};
      CHECK((flipped || row == Floats{0, 1, 2}));
      mirrored += flipped;
    }
    CHECK(mirrored > 430);
    CHECK(mirrored < 570);
  }
}

TEST_CASE("a cropped and mirrored image loses the mean of the pixels it had") {
  dlrun::test::TemporaryFolder folder;
  // BlobProto: num = channels = 1, height = 2, width = 3, data = 0 .. 5 (packed): the image itself
  std::string bytes("\x08\x01\x10\x01\x18\x02\x20\x03\x2a\x18", 10);
  for (int i = 0; i < 6; ++i) {
    const float value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const std::string path = folder.write("mean.binaryproto", bytes);
  Bench bench("crop_size: 2 mirror: true mean_file: '" + path + "'", true);
  for (uint64_t position = 0; position < 20; ++position)
    CHECK(bench.apply({1, 2, 3}, position) == Floats(4, 0.0f));
  CHECK(failure_of([&] {
          bench.apply({1, 3, 3});
        }).find("mean image is 1x2x3 but the sample is 1x3x3") != std::string::npos);
}

TEST_CASE("what can't be transformed is an error that says why") {
  const auto failure = [](const std::string& fields, const Image& image) {
    return failure_of([&] { Bench(fields, false).apply(image); });
  };
  CHECK(failure("crop_size: 5", {1, 4, 6}).find("crop_size 5 is larger than the image, 1x4x6") !=
        std::string::npos);
  CHECK(failure("mean_value: 1 mean_value: 2", {3, 1, 1}).find("2 mean_values but 3 channels") !=
        std::string::npos);
  const std::string both = failure("mean_value: 1 mean_file: 'x'", {1, 1, 1});
  CHECK(both.find("test.prototxt:1:") == 0);
  CHECK(both.find("not both") != std::string::npos);
  CHECK(failure("mean_file: 'no-such-file'", {1, 1, 1})
            .find("can't open the mean file 'no-such-file'") != std::string::npos);
  dlrun::test::TemporaryFolder folder;
  const std::string path = folder.write("bad.binaryproto", "\xff\xff\xff not a blob");
  CHECK(failure("mean_file: '" + path + "'", {1, 1, 1}).find("isn't a mean file") !=
        std::string::npos);
}
