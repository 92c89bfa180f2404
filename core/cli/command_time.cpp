// `dlrun time`: how long a net's passes take.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/plugin_call.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/session_options.hpp"
#include "core/cli/text_table.hpp"
#include "core/train/timing.hpp"
#include "core/train/trace.hpp"
#include "core/train/weights.hpp"

namespace dlrun::cli {
namespace {

struct Options {
  train::SessionOptions session;
  std::vector<std::string> weights;
  int64_t iterations = 50;
  std::string phase = "TRAIN";
  bool per_layer = false;
  std::string trace;
  bool no_kernels = false;
  bool json = false;
};

std::string milliseconds(double seconds) {
  return fmt::format("{:.3f}", seconds * 1e3);
}

// A pass's share: whole numbers, as every pass moves the same.
nlohmann::json traffic_json(const memory::Traffic& traffic, int64_t passes) {
  const auto each = [&](uint64_t sum) {
    return static_cast<double>(sum) / static_cast<double>(passes);
  };
  return {{"conversions", each(traffic.conversions)},
          {"converted_bytes", each(traffic.converted_bytes)},
          {"copies_to_device", each(traffic.to_device)},
          {"bytes_to_device", each(traffic.to_device_bytes)},
          {"copies_to_host", each(traffic.to_host)},
          {"bytes_to_host", each(traffic.to_host_bytes)}};
}

nlohmann::json moves_json(const std::vector<net::Move>& moves) {
  nlohmann::json all = nlohmann::json::array();
  for (const net::Move& move : moves) {
    all.push_back({{"layer", move.layer},
                   {"phase", move.backward ? "backward" : "forward"},
                   {"tensor", move.tensor},
                   {"what", net::words_for(move.kind)},
                   {"times", move.times},
                   {"bytes", move.bytes}});
  }
  return all;
}

void print_json(const train::NetTime& time, const std::vector<std::string>& placement) {
  nlohmann::json layers = nlohmann::json::array();
  for (const train::LayerTime& layer : time.layers) {
    layers.push_back({{"layer", layer.layer},
                      {"type", layer.type},
                      {"forward_ms", layer.forward * 1e3},
                      {"backward_ms", layer.backward * 1e3},
                      {"clock", layer.by_device ? "device" : "host"}});
  }
  fmt::print("{}\n", nlohmann::json{{"iterations", time.iterations},
                                    {"forward_ms", time.forward * 1e3},
                                    {"backward_ms", time.backward * 1e3},
                                    {"placement", placement},
                                    {"moved_per_pass", traffic_json(time.traffic, time.iterations)},
                                    {"moves", moves_json(time.moves)},
                                    {"layers", layers}}
                         .dump(2));
}

void print_text(const train::NetTime& time, const std::vector<std::string>& placement,
                bool per_layer) {
  for (const std::string& line : placement)
    fmt::print("{}\n", line);
  if (per_layer) {
    std::vector<std::vector<std::string>> rows = {
        {"layer", "type", ">forward ms", ">backward ms", "clock"}};
    for (const train::LayerTime& layer : time.layers) {
      rows.push_back({layer.layer, layer.type, milliseconds(layer.forward),
                      milliseconds(layer.backward), layer.by_device ? "device" : "host"});
    }
    fmt::print("{}", format_table(rows));
  }
  fmt::print("{} passes (medians): forward {} ms, backward {} ms\n", time.iterations,
             milliseconds(time.forward), milliseconds(time.backward));
  const std::string moved = train::traffic_text(time.traffic, time.iterations);
  if (!moved.empty()) fmt::print("moved in each: {}\n", moved);
  for (const std::string& line : net::move_lines(time.moves))
    fmt::print("  {}\n", line);
}

// As it trains: gradients go where parameters need them. In a net without a loss nothing does, and
// they go down to the inputs.
std::unique_ptr<net::Net> make_net(train::Session& session, const config::Node& node,
                                   bool training) {
  net::NetOptions options = session.net_options(node, training);
  auto net = std::make_unique<net::Net>(node, session.catalogue(), options);
  const auto& stages = net->stages();
  const bool trains = std::any_of(stages.begin(), stages.end(),
                                  [](const auto& stage) { return stage->runs_backward; });
  if (!training || trains) return net;
  options.force_backward = true;
  return std::make_unique<net::Net>(node, session.catalogue(), options);
}

int time_model(const Options& options) {
  base::tell_crashes();
  train::Session session(options.session);
  const config::Node& node = session.job().train_net;
  if (!node) base::fail_input({options.session.config}, "holds no net to time");
  const bool training = options.phase == "TRAIN";
  const std::unique_ptr<net::Net> made = make_net(session, node, training);
  net::Net& net = *made;
  net.prepare(session.devices());
  for (const std::string& file : options.weights)
    train::load_weights(net, file);
  if (options.no_kernels) net.skip_work();
  const bool per_layer = options.per_layer || !options.trace.empty();
  const train::NetTime time = train::time_net(net, options.iterations, training, per_layer);
  if (!options.trace.empty())
    base::replace_file(options.trace, train::chrome_trace(net, time.timeline).dump() + "\n");
  if (options.json) {
    print_json(time, net.placement_report());
  } else {
    print_text(time, net.placement_report(), options.per_layer);
  }
  return 0;
}

}  // namespace

Command add_time_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("time", "Measure a net's forward and backward passes");
  auto options = std::make_shared<Options>();
  add_session_options(*command, options->session, "job or net");
  command->add_option("--weights", options->weights, ".caffemodel files to load")
      ->delimiter(',')
      ->type_name("FILE");
  command->add_option("--iterations", options->iterations, "timed passes")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--phase", options->phase, "TRAIN: forward and backward; TEST: forward")
      ->check(CLI::IsMember({"TRAIN", "TEST"}))
      ->capture_default_str();
  command->add_flag("--per-layer", options->per_layer,
                    "also each layer: by the device's clock where it has one, else by the host's, "
                    "waiting for the device behind it");
  command
      ->add_option("--trace", options->trace,
                   "write when each layer ran as trace events, for Perfetto or chrome://tracing")
      ->type_name("FILE.json");
  command->add_flag("--no-kernels", options->no_kernels,
                    "leave out kernels, operators and reading data: what is left is dispatch");
  command->add_flag("--json", options->json, "print JSON");
  command->footer("Example:\n  dlrun time configs/lenet-mnist.yaml --per-layer --trace lenet.json");
  return [options] { return time_model(*options); };
}

}  // namespace dlrun::cli
