// `dlrun train`.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>

#include "core/base/files.hpp"
#include "core/base/plugin_call.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/session_options.hpp"
#include "core/train/run_log.hpp"
#include "core/train/snapshot.hpp"
#include "core/train/trainer.hpp"

namespace dlrun::cli {
namespace {

struct Options {
  train::SessionOptions session;
  std::vector<std::string> weights;
  std::string resume;
  std::string log;
};

// Weights named on the command line win over the solver's, those over the job's.
std::vector<std::string> weight_files(const Options& options, const config::Job& job) {
  if (!options.weights.empty()) return options.weights;
  for (const config::Node& node : {job.solver, job.root}) {
    if (!node || !node.has("weights")) continue;
    std::vector<std::string> files;
    for (int i = 0; i < node.count("weights"); ++i) {
      std::istringstream names(node.text("weights", i));  // Caffe takes several in one
      for (std::string name; std::getline(names, name, ',');)
        files.push_back(base::resolve_path(name, node.where("weights", i).file).string());
    }
    return files;
  }
  return {};
}

int train_job(const Options& options) {
  base::tell_crashes();
  train::Session session(options.session);
  std::string state;
  if (!options.resume.empty()) {
    state = train::find_snapshot(session.job().solver, options.resume);
    if (state.empty()) spdlog::info("no snapshot to resume from yet: starting at iteration 0");
  }
  if (!state.empty()) {
    if (const auto seed = train::seed_of_snapshot(state)) session.set_seed(*seed);
  }
  train::Trainer trainer(session);
  if (state.empty()) {
    for (const std::string& file : weight_files(options, session.job()))
      trainer.load_weights(file);
  } else {
    trainer.resume(state);
  }
  std::unique_ptr<train::RunLog> log;
  if (!options.log.empty()) {
    log = std::make_unique<train::RunLog>(options.log);
    trainer.on_gradients = [&](int64_t iteration, double loss) {
      log->write(trainer, iteration, loss);
    };
  }
  if (trainer.run() == train::Trainer::Outcome::kStopped) {
    fmt::print("stopped at iteration {}; go on with --resume auto\n", trainer.iteration());
  }
  return 0;
}

}  // namespace

Command add_train_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "Train a net, or go on training it");
  auto options = std::make_shared<Options>();
  add_session_options(*command, options->session, "job in YAML, or Caffe's solver .prototxt");
  command->add_option("--weights", options->weights, "start from these .caffemodel files")
      ->delimiter(',')
      ->type_name("FILE");
  command
      ->add_option("--resume,--snapshot", options->resume,
                   "go on from this .solverstate, or `auto`: from the newest snapshot")
      ->type_name("auto|FILE");
  command
      ->add_option("--log", options->log,
                   "append a line of JSON for each iteration: loss, learning rate, outputs")
      ->type_name("FILE.jsonl");
  command->footer(
      "SIGINT (Ctrl-C) writes a snapshot and stops; SIGHUP writes one and goes on.\n\n"
      "Example:\n  dlrun train configs/lenet-mnist.yaml --set solver.max_iter=500 --resume auto");
  return [options] { return train_job(*options); };
}

}  // namespace dlrun::cli
