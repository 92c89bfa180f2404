// transform_param: what happens to each sample of a source before it enters the net.
//   out[c, h, w] = (in[c, h0 + h, w0 + w'] - mean[c, h0 + h, w0 + w']) * scale,  w' = w, or from
//   the right when mirrored
// With crop_size the window (h0, w0) is random in training and the centre in testing; with `mirror`
// every other sample (at random) is mirrored. In: [C, H, W] of any type; out: float32.
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

using dlrun::Params;
using dlrun::Shape;

// The random draws of one sample.
enum Draw : uint64_t { kDrawRow, kDrawColumn, kDrawMirror, kDraws };

// Uniform in 0 .. n-1.
int64_t draw(dlr_random_key key, uint64_t position, Draw which, int64_t n) {
  const uint64_t bits = dlr_random_bits(key, position * kDraws + which);
  return static_cast<int64_t>(bits * static_cast<uint64_t>(n) >> 32);
}

// Where the window of one sample lies within its image.
struct Window {
  int64_t row;
  int64_t column;
  bool mirrored;
};

std::string read_file(const Params& params, const char* field) {
  const std::string path = params.path(field);
  std::ifstream file(path, std::ios::binary);
  if (!file) params.fail(field, "can't open the mean file '" + path + "'; check the path");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class ImageTransform : public dlrun::Transform {
 public:
  ImageTransform(const Params& params, bool is_training)
      : scale_(params.get<float>("scale")),
        crop_(params.get<int64_t>("crop_size")),
        mirror_(params.get<bool>("mirror")),
        is_training_(is_training),
        mean_values_(params.all<float>("mean_value")) {
    if (!params.has("mean_file")) return;
    if (!mean_values_.empty()) params.fail("mean_file", "give mean_file or mean_value, not both");
    read_mean(params);
  }

  dlr_array shape(const dlr_array& in) override {
    const Shape image = dlrun::shape_of(in);
    check(image);
    const Shape out = crop_ > 0 ? Shape{image[0], crop_, crop_} : image;
    return dlrun::make_array(nullptr, DLR_F32, out);
  }

  void apply(const dlr_array& in, dlr_random_key key, uint64_t position, dlr_array& out) override {
    const Shape image = dlrun::shape_of(in);
    check(image);
    const Window window = choose_window(image, dlrun::shape_of(out), key, position);
    dlrun::with_elements(in, [&](const auto* pixels) { transform(pixels, image, window, out); });
  }

 private:
  void read_mean(const Params& params) {
    const std::string bytes = read_file(params, "mean_file");
    dlrun::Decoder decoder;
    const dlr_array blob = [&] {
      try {
        return decoder.blob(bytes);
      } catch (const dlrun::HostError& error) {
        params.fail("mean_file",
                    "'" + params.path("mean_file") + "' isn't a mean file: " + error.what());
      }
    }();
    // Mean files have the old four axes, of which the first is 1.
    mean_shape_ = dlrun::shape_of(blob);
    if (mean_shape_.rank() == 4 && mean_shape_[0] == 1)
      mean_shape_ = {mean_shape_[1], mean_shape_[2], mean_shape_[3]};
    if (mean_shape_.rank() != 3) {
      params.fail("mean_file", "the mean image's shape is " + mean_shape_.text() +
                                   "; expected channels x height x width");
    }
    const float* values = static_cast<const float*>(blob.data);
    mean_image_.assign(values, values + mean_shape_.count());
  }

  void check(const Shape& image) const {
    if (image.rank() != 3) {
      throw dlrun::Error(
          "transform_param works on images (channels x height x width); this sample's shape is " +
          image.text());
    }
    if (crop_ > image[1] || crop_ > image[2]) {
      throw dlrun::Error("crop_size " + std::to_string(crop_) + " is larger than the image, " +
                         image.text());
    }
    if (mean_values_.size() > 1 && static_cast<int64_t>(mean_values_.size()) != image[0]) {
      throw dlrun::Error("there are " + std::to_string(mean_values_.size()) + " mean_values but " +
                         std::to_string(image[0]) + " channels; give one, or one for each channel");
    }
    if (!mean_image_.empty() && mean_shape_ != image) {
      throw dlrun::Error("the mean image is " + mean_shape_.text() + " but the sample is " +
                         image.text() +
                         "; make the mean file from images of this size (it is cropped like them)");
    }
  }

  Window choose_window(const Shape& image, const Shape& out, dlr_random_key key,
                       uint64_t position) const {
    const int64_t rows = image[1] - out[1];
    const int64_t columns = image[2] - out[2];
    Window window = {rows / 2, columns / 2, mirror_ && draw(key, position, kDrawMirror, 2) == 1};
    if (is_training_ && crop_ > 0) {
      window.row = draw(key, position, kDrawRow, rows + 1);
      window.column = draw(key, position, kDrawColumn, columns + 1);
    }
    return window;
  }

  template <class Pixel>
  void transform(const Pixel* pixels, const Shape& image, const Window& window,
                 dlr_array& out) const {
    const Shape shape = dlrun::shape_of(out);
    float* to = static_cast<float*>(out.data);
    for (int64_t channel = 0; channel < shape[0]; ++channel) {
      for (int64_t row = 0; row < shape[1]; ++row, to += shape[2]) {
        const int64_t at = (channel * image[1] + window.row + row) * image[2] + window.column;
        if (mean_image_.empty()) {
          subtract_value(pixels + at, channel_mean(channel), shape[2], to);
        } else {
          subtract_image(pixels + at, mean_image_.data() + at, shape[2], to);
        }
        if (window.mirrored) std::reverse(to, to + shape[2]);
      }
    }
  }

  float channel_mean(int64_t channel) const {
    if (mean_values_.empty()) return 0;
    return mean_values_[mean_values_.size() == 1 ? 0 : static_cast<size_t>(channel)];
  }

  template <class Pixel>
  void subtract_value(const Pixel* pixels, float mean, int64_t n, float* to) const {
    for (int64_t i = 0; i < n; ++i)
      to[i] = (static_cast<float>(pixels[i]) - mean) * scale_;
  }

  template <class Pixel>
  void subtract_image(const Pixel* pixels, const float* mean, int64_t n, float* to) const {
    for (int64_t i = 0; i < n; ++i)
      to[i] = (static_cast<float>(pixels[i]) - mean[i]) * scale_;
  }

  float scale_;
  int64_t crop_;  // 0: whole images
  bool mirror_;
  bool is_training_;
  std::vector<float> mean_values_;  // none, one, or one for each channel
  std::vector<float> mean_image_;   // of mean_shape_; empty without a mean file
  Shape mean_shape_;
};

constexpr dlr_transform_type kImageTransform = dlrun::transform_type<ImageTransform>();

}  // namespace

DLR_PLUGIN("org.dlrun.transform_param", "0.1.0", "",
           DLR_PROVIDE("dlrun.transform/1", "transform_param",
                       "crop, mirror, mean and scale of images", kImageTransform));
