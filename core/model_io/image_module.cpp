#include "core/model_io/image_module.hpp"

#include <cstdio>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

namespace {

cv::Mat decode(const uint8_t* bytes, uint64_t size, int32_t channels) {
  if (size == 0) throw std::runtime_error("is an image of 0 bytes");
  if (size > std::numeric_limits<int>::max()) throw std::runtime_error("is an image of over 2 GB");
  const int flags = channels == 1   ? cv::IMREAD_GRAYSCALE
                    : channels == 3 ? cv::IMREAD_COLOR
                                    : cv::IMREAD_UNCHANGED;
  // OpenCV takes no const memory, but doesn't write to what it decodes.
  const cv::Mat encoded(1, static_cast<int>(size), CV_8U, const_cast<uint8_t*>(bytes));
  cv::Mat pixels = cv::imdecode(encoded, flags);
  if (pixels.empty()) {
    throw std::runtime_error("is no image that can be decoded (JPEG, PNG ...), or is damaged");
  }
  if (pixels.depth() != CV_8U) {
    throw std::runtime_error("has more than 8 bits per value; convert the image to 8 bits");
  }
  return pixels;
}

// From interleaved rows (H, W, C) to planes (C, H, W).
void copy_planes(const cv::Mat& pixels, uint8_t* planes) {
  const auto channels = static_cast<size_t>(pixels.channels());
  const auto width = static_cast<size_t>(pixels.cols);
  const size_t area = static_cast<size_t>(pixels.rows) * width;
  for (int y = 0; y < pixels.rows; ++y) {
    const uint8_t* row = pixels.ptr<uint8_t>(y);
    uint8_t* plane_row = planes + static_cast<size_t>(y) * width;
    for (size_t x = 0; x < width; ++x) {
      for (size_t c = 0; c < channels; ++c)
        plane_row[c * area + x] = row[x * channels + c];
    }
  }
}

}  // namespace

extern "C" [[gnu::visibility("default")]] bool dlrun_decode_image(const uint8_t* bytes,
                                                                  uint64_t size, int32_t channels,
                                                                  dlrun_image_memory memory,
                                                                  void* context, char* message,
                                                                  uint64_t capacity) {
  try {
    const cv::Mat pixels = decode(bytes, size, channels);
    copy_planes(pixels, memory(context, pixels.channels(), pixels.rows, pixels.cols));
    return true;
  } catch (const cv::Exception& error) {
    std::snprintf(message, capacity, "cannot be decoded as an image: %s", error.err.c_str());
  } catch (const std::exception& error) {
    std::snprintf(message, capacity, "%s", error.what());
  }
  return false;
}
