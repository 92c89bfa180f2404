// A schedule with one mistake, chosen by -DDEFECT=NAME; with `none` it is right.
// base_lr / (iteration + 1)
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

namespace {

enum Defect {
  none,
  wrong_numbers,
  counts_itself,
  turns_negative,
  leaks,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Gallery final : public Schedule {
 public:
  explicit Gallery(const Params& solver) : base_(solver.get<double>("base_lr")) {
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
  }

  double rate(int64_t iteration) const override {
    if (kDefect == turns_negative && iteration > 100) return -1e-9;
    const int64_t now = kDefect == counts_itself ? calls_++ : iteration;
    const int64_t first = kDefect == wrong_numbers ? 2 : 1;
    return base_ / static_cast<double>(now + first);
  }

 private:
  double base_;
  mutable int64_t calls_ = 0;
  void* kept_ = nullptr;
};

const dlr_schedule_type kGallery = schedule_type<Gallery>();

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", "",
           DLR_PROVIDE("dlrun.schedule/1", "gallery_schedule", "one mistake", kGallery));
