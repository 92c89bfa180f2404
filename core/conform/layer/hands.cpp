// Rules A5 and L15: what a layer hands over to the host while it is set up and runs.
#include "core/base/error.hpp"
#include "core/conform/handed.hpp"
#include "core/conform/layer/checks.hpp"

namespace dlrun::conform {
namespace {

// A pass in each phase, watched.
template <class Use>
void run_watched(const Ground& ground, const LayerCase& c, Use&& use) {
  for (const LayerCase& each : {c, in_test(c)}) {
    Handed handed(each.called);
    Subject subject(ground, each);
    subject.forward();
    subject.backward();
    if (!handed.is_reached() && !subject.stage().tops.empty())
      base::fail_work("the plugins were loaded with a table that isn't watched");
    use(subject.layer().type(), handed);
  }
}

}  // namespace

void check_reserved(const Ground& ground, const LayerCase& c) {
  run_watched(ground, c, [](const dlr_layer_type&, const Handed& handed) {
    handed.require_nothing_reserved();
  });
}

void check_kernel_list(const Ground& ground, const LayerCase& c) {
  run_watched(ground, c, [](const dlr_layer_type& type, const Handed& handed) {
    handed.require_listed(type.kernels, type.n_kernels);
  });
}

}  // namespace dlrun::conform
