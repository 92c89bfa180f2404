// A solver with one mistake, chosen by -DDEFECT=NAME; with `none` it is right.
// m = 0.5 m + rate g, w = w - m. One history tensor: m.
#include <dlrun/plugin.hpp>
#include <dlrun/solver.hpp>

#include <cmath>
#include <map>
#include <vector>

#include "kernels.hpp"

namespace {

enum Defect {
  none,
  wrong_numbers,
  grows_history,
  writes_behind,
  unrepeatable,
  remembers,
  loses_precision,
  refuses_empty,
  takes_first_rate,
  stops_early,
  unlisted_kernel,
  kernel_in_cpp,
  leaks,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

const dlr_kernel& kKernel = kDefect == kernel_in_cpp ? gallery::kKeepInCpp : gallery::kKeep;
const dlr_kernel* const kKernels[] = {&kKernel};

int updates_so_far = 0;  // of all instances

class Gallery final : public Solver {
 public:
  explicit Gallery(const Params&) {
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
  }

  int n_history() const override { return kDefect == grows_history && updates_ > 0 ? 2 : 1; }

  void update(UpdateContext& context) override {
    ++updates_;
    ++updates_so_far;
    if (kDefect == refuses_empty && context.param().count() == 0)
      throw Error("a parameter without elements");
    context.launch_elementwise(kKernel, read_write(context.param()));
    context.dtype() == DLR_F64 ? update_as<double>(context) : update_as<float>(context);
  }

 private:
  template <class T>
  void update_as(UpdateContext& context) {
    const int64_t n = context.param().count();
    const T* gradient = context.map_read<T>(context.gradient());
    const std::vector<T> old_momentum = copy<T>(context, context.history(0));
    const std::vector<T> old_weight = copy<T>(context, context.param());
    T* momentum = context.map_write<T>(context.history(0));
    T* weight = context.map_write<T>(context.param());
    if (context.iteration() != last_iteration_) rate_ = context.rate();
    last_iteration_ = context.iteration();
    const double rate = kDefect == takes_first_rate ? rate_ : context.rate();
    const double share = kDefect == wrong_numbers ? 0.25 : 0.5;
    std::vector<double>& own = own_[context.param().handle()];
    if (context.iteration() == 0) own.clear();
    own.resize(static_cast<size_t>(n));
    for (size_t i = 0; i < own.size(); ++i) {
      const double before = kDefect == remembers ? own[i] : static_cast<double>(old_momentum[i]);
      double after = share * before + rate * static_cast<double>(gradient[i]);
      if (kDefect == unrepeatable) after += 1e-3 * updates_so_far;
      if (kDefect == loses_precision && sizeof(T) == 4) after = std::round(after * 64) / 64;
      own[i] = after;
      const bool is_left_out = kDefect == stops_early && i >= 65536;
      momentum[i] = is_left_out ? old_momentum[i] : static_cast<T>(after);
      weight[i] = is_left_out ? old_weight[i] : old_weight[i] - momentum[i];
    }
    if (kDefect == writes_behind) weight[n] = 1;
  }

  template <class T>
  static std::vector<T> copy(UpdateContext& context, Tensor tensor) {
    const T* values = context.map_read<T>(tensor);
    return {values, values + tensor.count()};
  }

  int updates_ = 0;
  double rate_ = 0;
  int64_t last_iteration_ = -1;
  std::map<dlr_tensor*, std::vector<double>> own_;
  void* kept_ = nullptr;
};

const dlr_solver_type kGallery = solver_type<Gallery>(kKernels, kDefect == unlisted_kernel ? 0 : 1);

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", "",
           DLR_PROVIDE("dlrun.solver/1", "GallerySolver", "one mistake", kGallery));
