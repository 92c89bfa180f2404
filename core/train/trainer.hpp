// The training loop: source -> forward -> backward -> solver, with tests, progress and snapshots.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/net/net.hpp"
#include "core/train/optimizer.hpp"
#include "core/train/progress.hpp"
#include "core/train/score.hpp"
#include "core/train/session.hpp"

namespace dlrun::train {

class Trainer {
 public:
  // Builds and prepares the nets of the session's job.
  explicit Trainer(Session& session);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  void load_weights(const std::string& file);
  // `state_file`: as find_snapshot (snapshot.hpp) gives it.
  void resume(const std::string& state_file);

  enum class Outcome { kDone, kStopped };
  // Trains to max_iter, or until SIGINT.
  Outcome run();

  // One iteration without tests, snapshots or printing; returns its loss. For tests and benchmarks.
  double iterate();
  std::vector<Score> test(size_t net);
  // Writes the snapshot of the current iteration; returns the path of its weights.
  std::string snapshot();

  int64_t iteration() const { return iteration_; }
  net::Net& net() { return *train_net_; }
  std::vector<std::unique_ptr<net::Net>>& test_nets() { return test_nets_; }
  Optimizer& optimizer() { return *optimizer_; }
  // Called behind every iteration's gradients, before the update.
  std::function<void(int64_t iteration, double loss)> on_gradients;

 private:
  void iterate_and_report();
  void build_test_nets();
  bool is_due(int64_t interval) const { return interval > 0 && iteration_ % interval == 0; }
  bool is_test_due() const;
  void test_all(Progress& progress);
  void fail_not_finite(double loss);
  double smoothed_loss() const;

  Session& session_;
  config::Node solver_;
  std::unique_ptr<net::Net> train_net_;
  std::vector<std::unique_ptr<net::Net>> test_nets_;
  std::unique_ptr<Optimizer> optimizer_;
  int64_t iteration_ = 0;
  int64_t max_iterations_ = 0;
  int iter_size_ = 1;
  int64_t display_ = 0;
  int64_t test_interval_ = 0;
  int64_t snapshot_interval_ = 0;
  bool tests_first_ = true;
  size_t average_loss_ = 1;
  std::vector<double> loss_window_;  // oldest first
  int64_t last_tested_ = -1;
  int64_t last_snapshot_ = -1;
};

}  // namespace dlrun::train
