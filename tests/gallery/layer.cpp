// A layer with one mistake, chosen by -DDEFECT=NAME; with `none` it is right. y = x0 x1 + x0.
#include <unistd.h>
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <atomic>
#include <chrono>
#include <clocale>
#include <csignal>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "kernels.hpp"

namespace {

enum Defect {
  none,
  wrong_gradient,
  missing_gradient,
  never_alone,
  unneeded_is_read,
  false_alias,
  false_per_sample,
  leaks,
  hides_errors,
  stuck_behind_errors,
  shares_state,
  bound_to_a_thread,
  crashes,
  exits,
  hangs,
  flushes_denormals,
  changes_locale,
  starts_thread,
  sets_reserved,
  cannot_be_set_up,
  reads_its_output,
  kernel_in_cpp,
  crashes_in_each_thread,
  unlisted_kernel,
  unlisted_in_backward,
  flushes_while_running,
  moves_while_running,
  starts_thread_while_running,
  shape_grows,
  false_zero_to_zero,
  draws_unsaid,
  restless,
  false_identity,
  false_elementwise,
  loses_precision,
  forgets_state,
  ignores_full_disk,
  false_first_sample,
  ignores_seed,
  ignores_name,
  unwritten_in_test,
  restless_in_test,
  loses_precision_in_test,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Gallery final : public Layer {
 public:
  explicit Gallery(const Params&) {
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
  }

  void setup(SetupContext& context) override {
    if (kDefect == cannot_be_set_up) throw 42;
    LayerFacts facts;
    facts.per_sample = kDefect != false_elementwise;
    facts.elementwise = kDefect == false_elementwise;
    facts.identity_in_test = kDefect == false_identity;
    facts.zero_to_zero = 1;
    facts.uses_random = kDefect == ignores_seed || kDefect == ignores_name;
    facts.host_only = kDefect != kernel_in_cpp;
    facts.reserved[5] = kDefect == sets_reserved;
    context.facts(facts);
    TopFacts y;
    y.data_needed_in_backward = 0;
    context.top_facts(0, y);
    BottomFacts x;
    x.data_needed_in_backward = kDefect != unneeded_is_read;
    if (kDefect == false_alias) x.gradient_inplace_of = 0;
    context.bottom_facts(0, x);
    is_training_ = context.is_training();
  }

  void reshape(ReshapeContext& context) override {
    Shape shape = context.bottom_shape(0);
    if (kDefect == shape_grows && shape.rank() > 0) shape[0] += n_reshapes_++;
    context.top(0, shape);
  }

  void forward(RunContext& context) override {
    misbehave();
    state_ = "used";
    if (kDefect == bound_to_a_thread && maker_ != std::this_thread::get_id())
      throw Error("made in another thread");
    if (is_stuck_) throw Error("something went wrong before");
    try {
      context.dtype() == DLR_F64 ? forward_as<double>(context) : forward_as<float>(context);
    } catch (const HostError&) {
      is_stuck_ = kDefect == stuck_behind_errors;
      if (kDefect != hides_errors) throw;
    }
  }
  void backward(RunContext& context) override {
    context.dtype() == DLR_F64 ? backward_as<double>(context) : backward_as<float>(context);
  }
  std::string save_state() override { return state_; }
  void load_state(std::string_view state) override {
    if (kDefect != forgets_state) state_ = state;
  }

 private:
  static void misbehave() {
    if (kDefect == crashes) std::raise(SIGSEGV);
#if defined(__x86_64__)
    if (kDefect == flushes_while_running) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
    if (kDefect == moves_while_running && ::chdir("/") != 0) std::_Exit(4);
    if (kDefect == starts_thread_while_running)
      std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
    if (kDefect == exits) std::_Exit(3);
    if (kDefect == hangs)
      for (volatile bool forever = true; forever;) {
      }
  }

  template <class T>
  void forward_as(RunContext& context) {
    const int64_t n = context.bottom(0).count();
    const T* x0 = context.map_read<T>(context.bottom(0));
    const T* x1 = context.map_read<T>(context.bottom(1));
    if (kDefect == unwritten_in_test && !is_training_) return;
    T* y = context.map_write<T>(context.top(0));
    const Shape shape = context.bottom(0).shape();
    for (int64_t i = 0; i < n; ++i)
      y[i] = x0[i] * x1[other_factor(i, shape)] + x0[i] + static_cast<T>(too_much(context));
    if (kDefect == unlisted_kernel)
      context.launch(gallery::kKeep, n, 1, read_write(context.top(0)));
    if (kDefect == crashes_in_each_thread)
      context.launch(gallery::kCrashInEachThread, n, 1, read_write(context.top(0)));
    if (kDefect == kernel_in_cpp)
      context.launch(gallery::kKeepInCpp, n, 1, read_write(context.top(0)));
    if (kDefect == reads_its_output) context.launch(gallery::kKeep, n, 1, read(context.top(0)));
    if (kDefect == shares_state && n > 0) y[0] = static_cast<T>(kept_for_a_while(y[0]));
  }

  // Which element of x1 belongs to element i of x0.
  static int64_t other_factor(int64_t i, const Shape& shape) {
    if (kDefect == false_per_sample || kDefect == false_elementwise) return shape.count() - 1 - i;
    if (kDefect == false_first_sample) return i % (shape.count() / shape[0]);
    return i;
  }

  // What some defects add to each element.
  double too_much(RunContext& context) {
    if (kDefect == false_zero_to_zero) return 0.25;
    if (kDefect == draws_unsaid)
      return static_cast<double>((context.random_key().seed + context.random_key().stream) % 1021);
    if (kDefect == ignores_seed) return static_cast<double>(context.random_key().stream % 1021);
    if (kDefect == ignores_name)
      return static_cast<double>((context.random_key().seed + context.random_key().stream) % 1024);
    if (is_defect(restless, restless_in_test)) return static_cast<double>(++n_elements_);
    if (is_defect(loses_precision, loses_precision_in_test))
      return context.dtype() == DLR_F32 ? 1e-2 : 0;
    return 0;
  }

  bool is_defect(Defect always, Defect in_test) const {
    return kDefect == always || (kDefect == in_test && !is_training_);
  }

  // In memory that all instances have in common.
  static double kept_for_a_while(double value) {
    static std::atomic<double> kept;
    kept = value;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return kept;
  }

  template <class T>
  void backward_as(RunContext& context) {
    const int64_t n = context.bottom(0).count();
    const T* x0 = context.map_read<T>(context.bottom(0));
    const T* x1 = context.map_read<T>(context.bottom(1));
    const T* dy = context.map_read<T>(context.top_gradient(0));
    if (context.bottom_gradient(0)) {
      T* dx0 = context.map_write<T>(context.bottom_gradient(0));
      for (int64_t i = 0; i < n; ++i)
        dx0[i] = dy[i] * (x1[i] + (kDefect == wrong_gradient ? 2 : 1));
    }
    if (kDefect == never_alone && !context.bottom_gradient(0)) return;
    if (context.bottom_gradient(1) && kDefect != missing_gradient) {
      T* dx1 = context.map_write<T>(context.bottom_gradient(1));
      for (int64_t i = 0; i < n; ++i)
        dx1[i] = dy[i] * x0[i];
      if (kDefect == unlisted_in_backward)
        context.launch(gallery::kKeep, n, 1, read_write(context.bottom_gradient(1)));
    }
  }

  void* kept_ = nullptr;
  bool is_stuck_ = false;
  bool is_training_ = true;
  int64_t n_reshapes_ = 0;
  int64_t n_elements_ = 0;
  std::string state_ = "first";
  std::thread::id maker_ = std::this_thread::get_id();
};

// What happens when the library is opened.
__attribute__((constructor)) void on_load() {
#if defined(__x86_64__)
  if (kDefect == flushes_denormals) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  if (kDefect == changes_locale) std::setlocale(LC_ALL, "C.UTF-8");
  if (kDefect == starts_thread)
    std::thread([] { std::this_thread::sleep_for(std::chrono::minutes(1)); }).detach();
}

dlr_error* save_unheeded(void* self, dlr_error* (*write)(void*, dlr_string), void* sink) {
  return guard([&] {
    dlr_error* const error = write(sink, to_abi(static_cast<Layer*>(self)->save_state()));
    if (error != nullptr) host().error_free(error);
  });
}

const dlr_kernel* const kKernels[] = {kDefect == kernel_in_cpp ? &gallery::kKeepInCpp
                                                               : &gallery::kCrashInEachThread};
constexpr bool kHasKernel = kDefect == kernel_in_cpp || kDefect == crashes_in_each_thread;
const dlr_layer_type kGallery = [] {
  dlr_layer_type type = layer_type<Gallery>({2, 2, 1, 1}, kKernels, kHasKernel ? 1 : 0);
  if (kDefect == ignores_full_disk) type.save_state = save_unheeded;
  return type;
}();

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", "",
           DLR_PROVIDE("dlrun.layer/1", "Gallery", "one mistake", kGallery));
