// `dlrun test`: a net's outputs, averaged over batches.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/base/plugin_call.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/session_options.hpp"
#include "core/train/score.hpp"
#include "core/train/weights.hpp"

namespace dlrun::cli {
namespace {

struct Options {
  train::SessionOptions session;
  std::vector<std::string> weights;
  int64_t iterations = 0;
  bool json = false;
};

// A job's first test net and its test_iter, or the net given.
int test_net(const Options& options) {
  base::tell_crashes();
  train::Session session(options.session);
  const config::Job& job = session.job();
  const bool from_job = !job.test_nets.empty();
  const config::Node& node = from_job ? job.test_nets[0] : job.train_net;
  if (!node) base::fail_input({options.session.config}, "holds no net to test");
  config::Node state;
  if (from_job && job.solver.count("test_state") > 0) state = job.solver.message("test_state");
  net::Net net(node, session.catalogue(), session.net_options(node, false, state));
  net.prepare(session.devices());
  for (const std::string& file : options.weights)
    train::load_weights(net, file);
  int64_t batches = options.iterations;
  if (batches == 0)
    batches = from_job && job.solver.count("test_iter") > 0 ? job.solver.integer("test_iter") : 50;
  const std::vector<train::Score> scores = train::score_net(net, batches);
  if (options.json) {
    nlohmann::json all = nlohmann::json::array();
    for (const train::Score& score : scores)
      all.push_back({{"name", score.name}, {"element", score.element}, {"value", score.value}});
    fmt::print("{}\n", nlohmann::json{{"batches", batches}, {"scores", all}}.dump(2));
    return 0;
  }
  fmt::print("{} batches\n", batches);
  for (const train::Score& score : scores)
    fmt::print("  {}\n", score.text());
  return 0;
}

}  // namespace

Command add_test_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("test", "Run a net in phase TEST and average its outputs");
  auto options = std::make_shared<Options>();
  add_session_options(*command, options->session, "job or net");
  command->add_option("--weights", options->weights, ".caffemodel files to load")
      ->delimiter(',')
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--iterations", options->iterations,
                   "batches (default: the job's test_iter, else 50)")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "print JSON");
  command->footer(
      "Example:\n  dlrun test configs/lenet-mnist.yaml --weights lenet_iter_2000.caffemodel");
  return [options] { return test_net(*options); };
}

}  // namespace dlrun::cli
