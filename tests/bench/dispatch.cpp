// What an iteration of LeNet costs beside the work itself: forward, backward and the solver's
// update, with kernels, operators and reading data, and without them.
//
//   dispatch [ITERATIONS]     from the repository's root; on the cpu device, batch 64
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "core/train/trainer.hpp"

namespace {

// Microseconds of an iteration, the median.
double median_iteration(dlrun::train::Trainer& trainer, int iterations) {
  std::vector<double> all;
  for (int i = 0; i < iterations; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    trainer.iterate();
    trainer.net().synchronize();
    all.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::nth_element(all.begin(), all.begin() + iterations / 2, all.end());
  return all[static_cast<size_t>(iterations / 2)];
}

}  // namespace

int main(int argc, char** argv) {
  const int iterations = argc > 1 ? std::atoi(argv[1]) : 200;
  dlrun::train::SessionOptions options;
  options.config = "configs/lenet-mnist.yaml";
  options.device = "cpu";
  dlrun::train::Session session(options);
  dlrun::train::Trainer trainer(session);
  median_iteration(trainer, 10);
  const double whole = median_iteration(trainer, iterations);
  trainer.net().skip_work();
  const double dispatch = median_iteration(trainer, iterations);
  fmt::print(
      "LeNet, batch 64, on cpu: an iteration takes {:.0f} us, {:.2f} us of them without the work: "
      "{:.3f} %\n",
      whole, dispatch, 100 * dispatch / whole);
}
