// `dlrun check`: all that is known about a job before it runs.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/plugin_call.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/session_options.hpp"
#include "core/cli/text_table.hpp"
#include "core/host/instance.hpp"
#include "core/host/params.hpp"
#include "core/model_io/host_blob.hpp"
#include "core/net/learning.hpp"

namespace dlrun::cli {
namespace {

using nlohmann::json;

std::string shape_text(const dlr_tensor_desc& desc) {
  return model_io::shape_to_string({desc.dim, desc.dim + desc.rank});
}

uint64_t params_of(net::Net& net, const net::Stage& stage) {
  uint64_t count = 0;
  for (size_t i = 0; stage.layer && i < stage.layer->params.size(); ++i) {
    const net::Param& param = *net.find_param(stage.name, static_cast<int>(i));
    if (param.layer == stage.name)
      count += static_cast<uint64_t>(memory::element_count(param.data.desc));
  }
  return count;
}

json describe_layers(net::Net& net) {
  json layers = json::array();
  for (const auto& stage : net.stages()) {
    json tops = json::array();
    for (const int top : stage->tops) {
      const net::Value& value = *net.values()[static_cast<size_t>(top)];
      tops.push_back({{"name", value.name}, {"shape", shape_text(value.data.desc)}});
    }
    layers.push_back(
        {{"name", stage->name},
         {"type", stage->config.text("type")},
         {"tops", tops},
         {"parameters", params_of(net, *stage)},
         {"learns", stage->runs_backward},
         {"flops", stage->layer ? stage->layer->flops : 0.0},
         {"plugin", stage->feed ? stage->feed->plugin_file() : stage->layer->plugin_file}});
  }
  return layers;
}

json describe_net(net::Net& net, const std::string& role) {
  const net::MemorySummary& memory = net.plan_memory();
  uint64_t parameters = 0;
  for (const auto& param : net.params())
    parameters += static_cast<uint64_t>(memory::element_count(param->data.desc));
  return {{"role", role},
          {"name", net.name()},
          {"layers", describe_layers(net)},
          {"parameters", parameters},
          {"memory",
           {{"values", memory.values},
            {"values_unshared", memory.values_unshared},
            {"parameters", memory.params},
            {"scratch", memory.scratch},
            {"peak", memory.total()}}}};
}

// The learning rate at the ends, at every tenth of the way, and where it jumps within those.
json learning_rate_trace(train::Session& session) {
  const config::Node& solver = session.job().solver;
  if (!session.job().has_solver || !solver.has("max_iter") || !solver.has("base_lr"))
    return json::array();
  host::ParamsOwner owner(session.catalogue());
  const host::Instance<dlr_schedule_type> schedule(
      session.catalogue().get<dlr_schedule_type>("schedule", solver.text("lr_policy"),
                                                 solver.where("lr_policy"), "solver: "),
      "", owner.add(solver));
  const int64_t last = solver.integer("max_iter");
  std::set<int64_t> at = {0, std::max<int64_t>(last - 1, 0)};
  for (int tenth = 1; tenth < 10; ++tenth)
    at.insert(last * tenth / 10);
  for (int i = 0; i < solver.count("stepvalue"); ++i)
    at.insert(std::min(solver.integer("stepvalue", i), std::max<int64_t>(last - 1, 0)));
  json trace = json::array();
  for (const int64_t iteration : at)
    trace.push_back(
        {{"iteration", iteration}, {"rate", schedule->rate(schedule.self(), iteration)}});
  return trace;
}

void print_net(const json& net) {
  fmt::print("{} net '{}'\n", net["role"].get<std::string>(), net["name"].get<std::string>());
  std::vector<std::vector<std::string>> rows = {{"layer", "type", "tops", ">parameters", "plugin"}};
  for (const json& layer : net["layers"]) {
    std::string tops;
    for (const json& top : layer["tops"]) {
      tops += fmt::format("{}{} {}", tops.empty() ? "" : ", ", top["name"].get<std::string>(),
                          top["shape"].get<std::string>());
    }
    const auto parameters = layer["parameters"].get<uint64_t>();
    rows.push_back({layer["name"], layer["type"], tops,
                    parameters == 0 ? "" : with_commas(parameters), layer["plugin"]});
  }
  fmt::print("{}", format_table(rows));
  const json& memory = net["memory"];
  fmt::print("parameters: {}\n", with_commas(net["parameters"].get<uint64_t>()));
  fmt::print(
      "peak memory: {} (values {}, without sharing {}; parameters and gradients {}; scratch "
      "{})\n\n",
      bytes_text(memory["peak"]), bytes_text(memory["values"]),
      bytes_text(memory["values_unshared"]), bytes_text(memory["parameters"]),
      bytes_text(memory["scratch"]));
}

int check_job(const train::SessionOptions& options, bool as_json) {
  base::tell_crashes();
  train::Session session(options);
  session.require_known_devices();
  const config::Job& job = session.job();
  json report = {{"file", options.config}, {"nets", json::array()}};
  const auto add = [&](const config::Node& node, bool is_training, const std::string& role,
                       const char* states, int index) {
    config::Node state;
    if (job.has_solver && index < job.solver.count(states))
      state = job.solver.message(states, index);
    net::Net net(node, session.catalogue(), session.net_options(node, is_training, state));
    if (is_training) net::check_learning(net, node.where());
    report["nets"].push_back(describe_net(net, role));
  };
  if (job.train_net)
    add(job.train_net, job.has_solver, job.has_solver ? "train" : "given", "train_state", 0);
  for (size_t i = 0; i < job.test_nets.size(); ++i)
    add(job.test_nets[i], false, "test", "test_state", static_cast<int>(i));
  report["learning_rate"] = learning_rate_trace(session);
  if (job.has_solver)
    session.catalogue().load("solver", job.solver.text("type"), job.solver.where("type"),
                             "solver: ");
  if (as_json) {
    fmt::print("{}\n", report.dump(2));
    return 0;
  }
  for (const json& net : report["nets"])
    print_net(net);
  if (!report["learning_rate"].empty())
    fmt::print("learning rate ({})\n", job.solver.text("lr_policy"));
  for (const json& point : report["learning_rate"]) {
    fmt::print("  iteration {:>8}  {:.6g}\n", point["iteration"].get<int64_t>(),
               point["rate"].get<double>());
  }
  fmt::print("{}: ok\n", options.config);
  return 0;
}

}  // namespace

Command add_check_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "check", "Say what a job would do, or what is wrong with it, without running it");
  auto options = std::make_shared<train::SessionOptions>();
  auto as_json = std::make_shared<bool>(false);
  add_session_options(*command, *options, "job, solver or net");
  command->add_flag("--json", *as_json, "print JSON");
  command->footer("Example:\n  dlrun check configs/lenet-mnist.yaml");
  return [options, as_json] { return check_job(*options, *as_json); };
}

}  // namespace dlrun::cli
