#include "core/model_io/image_codec.hpp"

#include <fmt/format.h>

#include <string>

#include "core/base/error.hpp"

#ifdef DLRUN_HAVE_OPENCV

#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

namespace dlrun::model_io {
namespace {

int to_flags(ImageColor color) {
  switch (color) {
    case ImageColor::kColor:
      return cv::IMREAD_COLOR;
    case ImageColor::kGray:
      return cv::IMREAD_GRAYSCALE;
    case ImageColor::kAsStored:
      break;
  }
  return cv::IMREAD_UNCHANGED;
}

cv::Mat decode(std::string_view bytes, ImageColor color, const std::string& where) {
  if (bytes.empty() || bytes.size() > std::numeric_limits<int>::max()) {
    base::fail_input({where}, fmt::format("is no image: {} bytes", bytes.size()));
  }
  // OpenCV takes no const memory, but doesn't write to what it decodes.
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  cv::Mat pixels;
  try {
    pixels = cv::imdecode(encoded, to_flags(color));
  } catch (const cv::Exception& error) {
    base::fail_input({where}, fmt::format("cannot decode the image: {}", error.err));
  }
  if (pixels.empty()) {
    base::fail_input({where}, "is no image that can be decoded (JPEG, PNG ...), or is damaged");
  }
  if (pixels.depth() != CV_8U) {
    base::fail_input({where}, "has more than 8 bits per value; convert the image to 8 bits");
  }
  return pixels;
}

}  // namespace

bool can_decode_images() {
  return true;
}

void decode_image(std::string_view bytes, ImageColor color, std::string_view where, Image& image) {
  const cv::Mat pixels = decode(bytes, color, std::string(where));
  image.channels = pixels.channels();
  image.height = pixels.rows;
  image.width = pixels.cols;
  const size_t channels = static_cast<size_t>(image.channels);
  const size_t area = static_cast<size_t>(image.height) * static_cast<size_t>(image.width);
  image.pixels.resize(channels * area);
  // From interleaved rows (H, W, C) to planes (C, H, W).
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* row = pixels.ptr<uint8_t>(y);
    uint8_t* plane_row =
        image.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(image.width);
    for (size_t x = 0; x < static_cast<size_t>(image.width); ++x) {
      for (size_t c = 0; c < channels; ++c)
        plane_row[c * area + x] = row[x * channels + c];
    }
  }
}

}  // namespace dlrun::model_io

#else

namespace dlrun::model_io {

bool can_decode_images() {
  return false;
}

void decode_image(std::string_view, ImageColor, std::string_view where, Image&) {
  base::fail_work({std::string(where)},
                  "is an encoded image, and this dlrun was built without OpenCV; install "
                  "libopencv-dev and build again");
}

}  // namespace dlrun::model_io

#endif
