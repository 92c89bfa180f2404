// Rules A5 and L15: what a layer hands over to the host while it is set up and runs.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/conform/layer_checks.hpp"
#include "core/conform/runner.hpp"
#include "core/host/error.hpp"

namespace dlrun::conform {
namespace {

class Handed : public net::ContextObserver {
 public:
  void launched(const dlr_context& context, const dlr_kernel& kernel) override {
    if (is_tested(context)) kernels.insert(&kernel);
  }
  void reserved_set(const dlr_context& context, const char* of_struct) override {
    if (is_tested(context)) reserved.insert(of_struct);
  }

  std::set<const dlr_kernel*> kernels;
  std::set<std::string> reserved;

 private:
  static bool is_tested(const dlr_context& context) {
    return context.layer != nullptr && context.layer->name == "tested";
  }
};

// A pass in each phase, watched.
template <class Use>
void run_watched(const Ground& ground, const LayerCase& c, Use&& use) {
  for (const bool is_training : {true, false}) {
    Handed handed;
    SubjectOptions options;
    options.is_training = is_training;
    options.observer = &handed;
    Subject subject(ground, c, options);
    subject.forward();
    if (is_training) subject.backward();  // in phase TEST a layer may have none
    use(subject, handed);
  }
}

}  // namespace

void check_reserved(const Ground& ground, const LayerCase& c) {
  run_watched(ground, c, [](Subject&, const Handed& handed) {
    if (!handed.reserved.empty())
      fail(fmt::format("a reserved field of {} isn't 0", *handed.reserved.begin()), "0");
  });
}

void check_kernel_list(const Ground& ground, const LayerCase& c) {
  run_watched(ground, c, [](Subject& subject, const Handed& handed) {
    const dlr_layer_type& type = subject.layer().type();
    for (const dlr_kernel* kernel : handed.kernels) {
      if (std::find(type.kernels, type.kernels + type.n_kernels, kernel) ==
          type.kernels + type.n_kernels)
        fail(fmt::format("it launches the kernel {}, which isn't listed",
                         host::from_abi(kernel->name)),
             "each of them in `kernels` of its dlr_layer_type");
    }
  });
}

}  // namespace dlrun::conform
