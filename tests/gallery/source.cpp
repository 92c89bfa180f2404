// A source with one mistake, chosen by -DDEFECT=NAME; with `none` it is right. Nine samples of two
// numbers; the first number of the file, where one is given, is added to them.
#include <fcntl.h>
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace {

enum Defect {
  none,
  restless,
  wrong_bytes,
  ignores_position,
  other_rounds,
  ignores_missing,
  crashes_on_damage,
  leaks,
  leaks_at_errors,
  shares_state,
  leaks_files,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Gallery final : public Source {
 public:
  Gallery(const Params& layer, int, dlr_random_key) {
    if (kDefect == leaks_at_errors) kept_ = ::operator new(64);  // lost when the next line throws
    const Params params = layer.message("gallery_source_param");
    if (kDefect == leaks_at_errors) ::operator delete(kept_);
    if (params.has("file")) read_file(params);
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
    if (kDefect == leaks_files) (void)::open("/dev/null", O_RDONLY);
  }

  SourceInfo info() const override { return {4, kDefect == restless && reads_ > 0 ? 8U : 9U}; }

  void read(uint64_t position, dlr_array* arrays) override {
    if (kDefect == ignores_position) position = reads_;
    ++reads_;
    const uint64_t index = kDefect == other_rounds ? position : position % 9;
    sample_[0] = static_cast<float>(index) + first_;
    if (kDefect == shares_state) sample_[0] = kept_for_a_while(sample_[0]);
    sample_[1] = -sample_[0];
    arrays[0] = make_array(sample_, DLR_F32, {2});
    if (kDefect == wrong_bytes) arrays[0].bytes = 4;
  }

 private:
  // In memory that all instances have in common.
  static float kept_for_a_while(float value) {
    static std::atomic<float> kept;
    kept = value;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return kept;
  }

  void read_file(const Params& params) {
    std::ifstream file(params.path("file"));
    if (file >> first_ || kDefect == ignores_missing) return;
    if (kDefect == crashes_on_damage && file.is_open()) std::abort();
    params.fail("file", "can't be read; it must begin with a number");
  }

  uint64_t reads_ = 0;
  float first_ = 0;
  float sample_[2] = {};
  void* kept_ = nullptr;
};

constexpr char kProto[] =
    "message GallerySourceParameter { optional string file = 1; }"
    "extend LayerParameter { optional GallerySourceParameter gallery_source_param = 50100; }";

const dlr_source_type kGallery = source_type<Gallery>(1, 1);

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", kProto,
           DLR_PROVIDE("dlrun.source/1", "GallerySource", "one mistake", kGallery));
