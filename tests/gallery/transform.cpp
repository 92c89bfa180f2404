// A transform with one mistake, chosen by -DDEFECT=NAME; with `none` it is right. In: [N] of bytes;
// out: float32 [N - 1], element i + 1 minus element i, times a random sign in training.
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

namespace {

enum Defect {
  none,
  wrong_numbers,
  shape_grows,
  skips_the_last,
  draws_by_itself,
  looks_at_the_data,
  changes_its_input,
  writes_behind,
  takes_anything,
  leaks,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Gallery final : public Transform {
 public:
  Gallery(const Params&, bool is_training) : is_training_(is_training) {
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
  }

  dlr_array shape(const dlr_array& in) override {
    if (kDefect != takes_anything && (in.rank != 1 || in.dim[0] < 2 || in.dtype != DLR_U8))
      throw Error("expected two bytes or more");
    if (kDefect == looks_at_the_data) calls_ += static_cast<volatile uint8_t*>(in.data)[0] == 200;
    const int64_t n = in.rank == 0 ? 1 : in.dim[0];
    return make_array(nullptr, DLR_F32, {n - (kDefect == shape_grows && calls_ > 3 ? 0 : 1)});
  }

  void apply(const dlr_array& in, dlr_random_key key, uint64_t position, dlr_array& out) override {
    ++calls_;
    auto* from = static_cast<uint8_t*>(in.data);
    auto* to = static_cast<float*>(out.data);
    const uint64_t draw = kDefect == draws_by_itself ? static_cast<uint64_t>(calls_) : position;
    const float sign = is_training_ && dlr_random_uniform(key, draw) < 0.5F ? -1.0F : 1.0F;
    const int64_t n = in.dim[0] - 1;
    for (int64_t i = 0; i < n - (kDefect == skips_the_last); ++i)
      to[i] = sign * static_cast<float>(from[i + 1] - from[i] + (kDefect == wrong_numbers));
    if (kDefect == shape_grows && out.dim[0] > n) to[n] = 0;
    if (kDefect == changes_its_input) from[0] = 1;
    if (kDefect == writes_behind) to[n] = 0;
  }

 private:
  bool is_training_;
  int calls_ = 0;
  void* kept_ = nullptr;
};

constexpr char kProto[] =
    "message GalleryTransformParameter { optional int32 unused = 1; }"
    "extend LayerParameter { optional GalleryTransformParameter gallery_transform_param = 50101; }";

const dlr_transform_type kGallery = transform_type<Gallery>();

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", kProto,
           DLR_PROVIDE("dlrun.transform/1", "gallery_transform_param", "one mistake", kGallery));
