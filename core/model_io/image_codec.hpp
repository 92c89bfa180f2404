// Encoded images (JPEG, PNG ...) to pixels, by OpenCV where dlrun is built with it (see
// image_module.hpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dlrun::model_io {

enum class ImageColor {
  kAsStored,  // as many channels as the file has
  kColor,     // three channels
  kGray,      // one channel
};

struct Image {
  int32_t channels = 0;
  int32_t height = 0;
  int32_t width = 0;
  std::vector<uint8_t> pixels;  // channels x height x width; colours in the order blue, green, red
};

// Whether this build can decode at all.
bool can_decode_images();

// Decodes into `image` (its memory is kept). `where` names the image for messages. Throws Error:
// exit code 2 for bytes that are no image or have more than 8 bits per value, 1 when built without
// OpenCV.
void decode_image(std::string_view bytes, ImageColor color, std::string_view where, Image& image);

}  // namespace dlrun::model_io
