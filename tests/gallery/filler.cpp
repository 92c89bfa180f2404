// A filler with one mistake, chosen by -DDEFECT=NAME; with `none` it is right. Uniform in [0, 1).
#include <dlrun/filler.hpp>
#include <dlrun/plugin.hpp>

namespace {

enum Defect {
  none,
  unrepeatable,
  ignores_key,
  other_in_float32,
  skips_the_last,
  writes_behind,
  wrong_range,
  leaks,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

uint64_t calls = 0;
void* kept = nullptr;

void fill(const Params&, dlr_random_key key, Values& out) {
  ++calls;
  if (kDefect == leaks) kept = ::operator new(64);  // and nothing deletes it
  if (kDefect == unrepeatable) key.stream += calls;
  if (kDefect == ignores_key) key = {1, 1};
  const int64_t n = out.count() + (kDefect == writes_behind) - (kDefect == skips_the_last);
  for (int64_t i = 0; i < n; ++i) {
    const double uniform = dlr_random_uniform(key, static_cast<uint64_t>(i));
    out.set(i, kDefect == wrong_range ? uniform * uniform : uniform);
  }
}

// Takes a step of its own in float32.
dlr_error* fill_array(const dlr_params* params, dlr_random_key key, dlr_array* out) {
  if (kDefect == other_in_float32 && out->dtype == DLR_F32) key.stream += 1;
  static constexpr dlr_filler_type kInner = filler_type<fill>();
  return kInner.fill(params, key, out);
}

const dlr_filler_type kGallery = {sizeof(dlr_filler_type), fill_array};

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", "",
           DLR_PROVIDE("dlrun.filler/1", "gallery_filler", "one mistake", kGallery));
