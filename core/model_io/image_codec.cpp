#include "core/model_io/image_codec.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include "core/base/error.hpp"
#include "core/model_io/image_module.hpp"

namespace dlrun::model_io {
namespace {

namespace fs = std::filesystem;

// Where the module lies as seen from the folder of the running binary: dlrun in its build folder, a
// test in a folder of that, dlrun where it is installed.
constexpr std::array kModulePaths = {"core/model_io/dlrun-images.so",
                                     "../core/model_io/dlrun-images.so",
                                     "../lib/dlrun/dlrun-images.so"};

// "" when there is none.
fs::path find_module() {
  std::error_code ignored;
  const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* const path : kModulePaths) {
    if (fs::is_regular_file(folder / path, ignored)) return folder / path;
  }
  return {};
}

struct Module {
  dlrun_decode_image_function decode = nullptr;
  std::string why_not;
};

Module open_module() {
  const fs::path path = find_module();
  if (path.empty()) {
    return {nullptr,
            "this dlrun was built without OpenCV; install libopencv-dev and build it again"};
  }
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed
  void* const symbol = library == nullptr ? nullptr : ::dlsym(library, "dlrun_decode_image");
  if (symbol == nullptr)
    return {nullptr, fmt::format("{} cannot be loaded: {}", path.string(), ::dlerror())};
  return {reinterpret_cast<dlrun_decode_image_function>(symbol), ""};
}

const Module& module() {
  static const Module opened = open_module();
  return opened;
}

int32_t to_channels(ImageColor color) {
  switch (color) {
    case ImageColor::kGray:
      return 1;
    case ImageColor::kColor:
      return 3;
    case ImageColor::kAsStored:
      break;
  }
  return 0;
}

uint8_t* resize_image(void* context, int32_t channels, int32_t height, int32_t width) {
  auto& image = *static_cast<Image*>(context);
  image.channels = channels;
  image.height = height;
  image.width = width;
  image.pixels.resize(static_cast<size_t>(channels) * static_cast<size_t>(height) *
                      static_cast<size_t>(width));
  return image.pixels.data();
}

}  // namespace

bool can_decode_images() {
  return !find_module().empty();
}

void decode_image(std::string_view bytes, ImageColor color, std::string_view where, Image& image) {
  if (module().decode == nullptr) {
    base::fail_work({std::string(where)}, "is an encoded image, but " + module().why_not);
  }
  std::array<char, 512> message{};
  const bool decoded =
      module().decode(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                      to_channels(color), resize_image, &image, message.data(), message.size());
  if (!decoded) base::fail_input({std::string(where)}, message.data());
}

}  // namespace dlrun::model_io
