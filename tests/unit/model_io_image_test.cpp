// Encoded images: pixels as another program (Pillow) decodes them, channels in the order blue,
// green, red.
#include "core/model_io/image_codec.hpp"

#include <cmath>
#include <cstdlib>

#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

double sum_of(const std::vector<uint8_t>& pixels, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i)
    sum += pixels[i];
  return sum;
}

struct Expected {
  const char* file;
  int32_t height, width;
  double plane_sums[3];
  uint8_t at_3_5[3];
  double gray_sum;
  double tolerance;  // JPEG decoders may differ in rounding
};

const Expected kImages[] = {
    {"color.png", 39, 37, {99838, 148527, 208768}, {98, 127, 167}, 160982, 0},
    {"color.jpg", 31, 38, {123613, 136334, 169616}, {149, 170, 197}, 144844, 2e-3},
};

}  // namespace

TEST_CASE("images decode to planes of blue, green and red, or to gray") {
  if (!can_decode_images()) {
    MESSAGE("built without OpenCV");
    return;
  }
  for (const Expected& expected : kImages) {
    CAPTURE(expected.file);
    const std::string bytes = dlrun::base::read_file(kData / expected.file);
    Image image;
    for (const ImageColor color : {ImageColor::kAsStored, ImageColor::kColor}) {
      decode_image(bytes, color, "image", image);
      REQUIRE(image.channels == 3);
      REQUIRE(image.height == expected.height);
      REQUIRE(image.width == expected.width);
      const size_t area = static_cast<size_t>(image.height * image.width);
      REQUIRE(image.pixels.size() == 3 * area);
      for (size_t c = 0; c < 3; ++c) {
        const double sum = sum_of(image.pixels, c * area, (c + 1) * area);
        CHECK(std::abs(sum - expected.plane_sums[c]) <=
              expected.tolerance * expected.plane_sums[c]);
        const int found = image.pixels[c * area + static_cast<size_t>(3 * image.width + 5)];
        CHECK(std::abs(found - expected.at_3_5[c]) <= (expected.tolerance > 0 ? 3 : 0));
      }
    }
    decode_image(bytes, ImageColor::kGray, "image", image);
    CHECK(image.channels == 1);
    CHECK(image.pixels.size() == static_cast<size_t>(expected.height * expected.width));
    const double sum = sum_of(image.pixels, 0, image.pixels.size());
    CHECK(std::abs(sum - expected.gray_sum) <= 5e-3 * expected.gray_sum);
  }
}

TEST_CASE("what is no image is refused, with the name of its record") {
  Image image;
  const int code = can_decode_images() ? 2 : 1;
  for (const std::string& bytes : {std::string(), std::string("no image at all"),
                                   dlrun::base::read_file(kData / "color.png").substr(0, 20)}) {
    const Caught caught =
        catch_error([&] { decode_image(bytes, ImageColor::kColor, "record 7", image); });
    CHECK(caught.code == code);
    CHECK(caught.message.starts_with("record 7: is "));
  }
}
