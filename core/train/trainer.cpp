#include "core/train/trainer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <numeric>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/net/learning.hpp"
#include "core/net/moves.hpp"
#include "core/train/signals.hpp"
#include "core/train/snapshot.hpp"
#include "core/train/timing.hpp"
#include "core/train/weights.hpp"

namespace dlrun::train {
namespace {

// Samples that one forward pass reads.
double batch_of(const net::Net& net) {
  for (const auto& stage : net.stages()) {
    if (stage->feed) return static_cast<double>(stage->feed->batch_size());
  }
  return 0;
}

void print_placement(const net::Net& net) {
  for (const std::string& line : net.placement_report())
    spdlog::info("{}", line);
}

}  // namespace

Trainer::Trainer(Session& session) : session_(session), solver_(session.job().solver) {
  const config::Job& job = session.job();
  if (!job.has_solver)
    base::fail_input({job.document->root().where().file},
                     "has no solver; training needs one (`solver:`)");
  if (!job.train_net)
    base::fail_input(solver_.where(), "the solver has no net to train; give `net`");
  if (!solver_.has("max_iter")) solver_.fail("has no max_iter: how many iterations to train");
  if (!solver_.has("base_lr")) solver_.fail("has no base_lr: the learning rate");
  max_iterations_ = solver_.integer("max_iter");
  iter_size_ = static_cast<int>(solver_.integer("iter_size"));
  display_ = solver_.integer("display");
  test_interval_ = solver_.integer("test_interval");
  snapshot_interval_ = solver_.integer("snapshot");
  tests_first_ = solver_.boolean("test_initialization");
  if (test_interval_ > 0 && solver_.count("test_iter") == 0 && job.test_nets.empty()) {
    spdlog::warn(
        "{}test_interval is set without test_iter (batches to test on), so there are no tests",
        base::to_prefix(solver_.where("test_interval")));
  }
  average_loss_ = static_cast<size_t>(solver_.integer("average_loss"));
  loss_window_.reserve(average_loss_ + 1);

  const config::Node state =
      solver_.has("train_state") ? solver_.message("train_state") : config::Node();
  train_net_ = std::make_unique<net::Net>(job.train_net, session.catalogue(),
                                          session.net_options(job.train_net, true, state));
  net::check_learning(*train_net_, job.train_net.where());
  train_net_->prepare(session.devices());
  print_placement(*train_net_);
  build_test_nets();
  optimizer_ = std::make_unique<Optimizer>(solver_, *train_net_, session.catalogue());
}

Trainer::~Trainer() = default;

void Trainer::build_test_nets() {
  const config::Job& job = session_.job();
  for (size_t i = 0; i < job.test_nets.size(); ++i) {
    if (static_cast<int>(i) >= solver_.count("test_iter")) {
      solver_.fail("test_iter", fmt::format("has {} entries for {} test nets; give one each",
                                            solver_.count("test_iter"), job.test_nets.size()));
    }
    config::Node state;
    if (static_cast<int>(i) < solver_.count("test_state"))
      state = solver_.message("test_state", static_cast<int>(i));
    auto net = std::make_unique<net::Net>(job.test_nets[i], session_.catalogue(),
                                          session_.net_options(job.test_nets[i], false, state));
    net->prepare(session_.devices(), train_net_.get());
    test_nets_.push_back(std::move(net));
  }
}

void Trainer::load_weights(const std::string& file) {
  const LoadedWeights loaded = train::load_weights(*train_net_, file);
  if (loaded.layers == 0) {
    base::fail_input(
        {file},
        "none of its layers has the name of a layer of the net; weights are matched by layer name");
  }
  if (!loaded.without_values.empty()) {
    spdlog::info("{}: no weights for {} (they start fresh)", file,
                 fmt::join(loaded.without_values, ", "));
  }
  if (!loaded.unused.empty())
    spdlog::info("{}: unused layers: {}", file, fmt::join(loaded.unused, ", "));
}

bool Trainer::is_test_due() const {
  return is_due(test_interval_) && (iteration_ > 0 || tests_first_) && last_tested_ != iteration_;
}

double Trainer::iterate() {
  train_net_->begin_iteration();
  double loss = 0;
  for (int sub = 0; sub < iter_size_; ++sub) {
    train_net_->set_pass(static_cast<uint64_t>(iteration_ * iter_size_ + sub));
    loss += train_net_->forward();
    train_net_->backward();
  }
  loss /= iter_size_;
  if (!std::isfinite(loss)) fail_not_finite(loss);
  loss_window_.push_back(loss);
  if (loss_window_.size() > average_loss_) loss_window_.erase(loss_window_.begin());
  if (on_gradients) on_gradients(iteration_, loss);
  optimizer_->step(iteration_);
  ++iteration_;
  return loss;
}

double Trainer::smoothed_loss() const {
  if (loss_window_.empty()) return 0;
  return std::accumulate(loss_window_.begin(), loss_window_.end(), 0.0) /
         static_cast<double>(loss_window_.size());
}

// Names the first layer whose parameters went wrong, else the loss itself.
void Trainer::fail_not_finite(double loss) {
  std::string culprit = "no parameter is to blame: look at the data and the loss";
  for (const auto& param : train_net_->params()) {
    const std::vector<double> values = read_blob(*train_net_, param->data).to_doubles();
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
    if (bad == values.end()) continue;
    culprit = fmt::format("the first bad layer is '{}' (parameter {})", param->layer, param->index);
    break;
  }
  base::fail_work(fmt::format(
      "iteration {}: the loss is {}; {}. The last snapshot is kept; try a lower base_lr or "
      "clip_gradients",
      iteration_, loss, culprit));
}

std::vector<Score> Trainer::test(size_t index) {
  return score_net(*test_nets_[index], solver_.integer("test_iter", static_cast<int>(index)));
}

void Trainer::test_all(Progress& progress) {
  progress.pause();
  for (size_t i = 0; i < test_nets_.size(); ++i) {
    fmt::print("test at iteration {}{}\n", iteration_,
               test_nets_.size() > 1 ? fmt::format(", net {}", i) : "");
    for (const Score& score : test(i))
      fmt::print("  {}\n", score.text());
  }
  std::fflush(stdout);
  last_tested_ = iteration_;
  progress.resume();
}

std::string Trainer::snapshot() {
  last_snapshot_ = iteration_;
  return write_snapshot(session_, *this, loss_window_);
}

void Trainer::resume(const std::string& state_file) {
  const ResumePoint point = read_snapshot(state_file, session_, *this);
  iteration_ = point.iteration;
  loss_window_ = point.loss_window;
  last_snapshot_ = iteration_;
  spdlog::info("resumed from {} at iteration {}", state_file, iteration_);
}

void Trainer::iterate_and_report() {
  const net::MoveLog log(*train_net_);
  iterate();
  const std::vector<std::string> lines = net::move_lines(log.moves());
  if (!lines.empty()) spdlog::info("what moves in an iteration:");
  for (const std::string& line : lines)
    spdlog::info("  {}", line);
  for (const std::string& line : train_net_->operators_elsewhere_in_short())
    spdlog::info("{}; `dlrun time` lists them with the reasons", line);
}

Trainer::Outcome Trainer::run() {
  SignalWatch signals;
  Progress progress(iteration_, max_iterations_, batch_of(*train_net_) * iter_size_);
  const auto state = [&] {
    return Progress::State{iteration_, smoothed_loss(),
                           optimizer_->rate(std::max<int64_t>(iteration_ - 1, 0)),
                           train_net_->data_wait_seconds()};
  };
  const auto write = [&] {
    progress.pause();
    fmt::print("snapshot: {}\n", snapshot());
    std::fflush(stdout);
    progress.resume();
  };
  const int64_t first = iteration_;
  const memory::Traffic before = train_net_->traffic();
  while (iteration_ < max_iterations_) {
    if (is_test_due()) test_all(progress);
    if (iteration_ == first + 1) {  // the first one moves what later ones find in place
      iterate_and_report();
    } else {
      iterate();
    }
    if (is_due(display_)) progress.report(state());
    progress.tick(state());
    if (is_due(snapshot_interval_) || signals.take_snapshot_request()) write();
    if (signals.stop_requested()) {
      if (last_snapshot_ != iteration_) write();
      return Outcome::kStopped;
    }
  }
  progress.clear();
  const memory::Traffic traffic = train_net_->traffic() - before;
  if (solver_.boolean("snapshot_after_train") && last_snapshot_ != iteration_) write();
  if (test_interval_ > 0 && last_tested_ != iteration_) test_all(progress);
  if (display_ > 0 && iteration_ > 0 && !loss_window_.empty()) {
    const double images = progress.images_per_second(iteration_);
    fmt::print("trained {} iterations{}\n", iteration_,
               images > 0 ? fmt::format(", {:.0f} images/s", images) : "");
    const std::string moved = traffic_text(traffic, iteration_ - first);
    if (iteration_ > first && !moved.empty()) fmt::print("moved in each iteration: {}\n", moved);
  }
  return Outcome::kDone;
}

}  // namespace dlrun::train
