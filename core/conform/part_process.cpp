// The process that runs one part: loads what it needs, runs the checks, tells the events.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/base/error.hpp"
#include "core/base/fatal_signals.hpp"
#include "core/base/files.hpp"
#include "core/conform/case_files.hpp"
#include "core/conform/conform.hpp"
#include "core/conform/events.hpp"
#include "core/conform/faults.hpp"
#include "core/conform/net_cases.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/raw_device.hpp"
#include "core/host/error.hpp"
#include "core/host/threads.hpp"
#include "core/registry/kinds.hpp"
#include "core/train/session.hpp"

namespace dlrun::conform {
namespace {

// The plugin's crash ends the process by its signal, whatever handler (a sanitizer's) there is.
// What the plugin prints must not mix with the events.
int prepare_process() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const base::FatalSignal& crash : base::kFatalSignals)
    std::signal(crash.number, SIG_DFL);
  std::signal(SIGALRM, SIG_DFL);
  const int events = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return events;
}

// With a net, its cases and those of --cases; else those of --cases beside those that come with
// dlrun.
std::vector<LayerCase> all_layer_cases(const Options& options, const NetCases& of_net,
                                       net::Catalogue& catalogue) {
  std::vector<LayerCase> cases = options.net.empty() ? builtin_layer_cases() : of_net.layers;
  if (options.cases.empty()) return cases;
  const std::vector<LayerCase> further =
      parse_layer_cases(base::read_file(options.cases), options.cases);
  // The author's file has the cases of all kinds.
  std::copy_if(further.begin(), further.end(), std::back_inserter(cases),
               [&](const LayerCase& each) { return catalogue.has("layer", each.layer); });
  return cases;
}

// The host device's type without its operators: layers run their portable kernels.
dlr_device_type without_operators(net::Catalogue& catalogue, const std::string& host) {
  dlr_device_type type = catalogue.get<dlr_device_type>("device", host, {}, "");
  type.plan = nullptr;
  return type;
}

std::shared_ptr<memory::Device> open_portable(const std::string& name,
                                              const dlr_device_type& type) {
  const dlr_device_options options = {sizeof(dlr_device_options), 0, {"", 0}};
  return std::make_shared<memory::Device>(name, type, 0, options);
}

// Those of the host's loops stay once they are there.
void start_own_threads() {
  constexpr int64_t kItems = 1 << 16;
  host::parallel_for(
      kItems, 1, [](void*, int64_t, int64_t) {}, nullptr);
}

// Libraries that drive devices handle signals, those that drive disks too have threads.
void watch(const std::string& kind, Runner& runner) {
  const bool may_have_threads = kind == "source" || kind == "database";
  if (!may_have_threads) start_own_threads();
  runner.watch_process(!may_have_threads);
}

// What a part other than `library` works with.
class Workshop {
 public:
  explicit Workshop(const Options& options)
      : options_(options),
        session_(open_session(options)),
        own_plugins_(
            session_ ? nullptr
                     : std::make_unique<train::Plugins>(search_options(options), *faulty_host())),
        plugins_(session_ ? session_->plugins() : *own_plugins_),
        catalogue_(plugins_.catalogue()) {
    if (session_) of_net_ = cases_of_net(*session_);
    layer_cases_ = all_layer_cases(options, of_net_, catalogue_);
    host_name_ = open_host().host->name();
    portable_type_ = without_operators(catalogue_, host_name_);
  }

  void run(const std::string& part, const std::string& name, Runner& runner) {
    if (part.ends_with("-devices")) return run_on_other_devices(part, name, runner);
    const bool is_device = part.starts_with("device-");
    if (!is_device) watch(part, runner);
    if (part == "layer") return run_layer(name, runner);
    if (part == "solver") return run_solver(name, runner);
    if (!is_device) return run_on_host(part, name, runner);
    const auto& type = catalogue_.get<dlr_device_type>("device", name, {}, "");
    if (part == "device-memory") return check_device_memory(type, name, runner);
    if (part == "device-kernels") return check_device_kernels(type, name, runner);
    if (part == "device-operators")
      return check_device_operators(
          type, name, session_ ? of_net_.operators : builtin_operator_cases(), runner);
    if (part == "device-layers") return run_device_layers(name, type, runner);
    base::fail_work("no such part: " + part);
  }

 private:
  static registry::SearchOptions search_options(const Options& options) {
    registry::SearchOptions search = options.plugins;
    search.plugins.insert(search.plugins.begin(), options.plugin.string());
    return search;
  }

  // The configuration whose net the cases come from; null without one.
  static std::unique_ptr<train::Session> open_session(const Options& options) {
    if (options.net.empty()) return nullptr;
    train::SessionOptions session;
    session.config = options.net;
    session.overrides = options.overrides;
    session.plugins = search_options(options);
    session.host = faulty_host();
    return std::make_unique<train::Session>(session);
  }

  Ground ground_on(const std::function<net::Devices()>& open_devices, const std::string& label) {
    return {catalogue_, plugins_.registry(), open_devices(), label, open_devices};
  }
  Ground host() {
    return ground_on([this] { return open_host(); }, "");
  }
  // The host device without its operators.
  Ground portable() {
    const auto open_device = [this]() -> net::Devices {
      const auto device = open_portable(host_name_, portable_type_);
      return {device, device, {}};
    };
    return ground_on(open_device, ", portable");
  }
  // The host device alone, opened anew.
  net::Devices open_host() {
    train::DeviceChoice choice;
    for (const train::DeviceKind& kind : plugins_.device_kinds()) {
      if (kind.is_host) choice.device = kind.name;
    }
    const std::shared_ptr<memory::Device> host = open(choice).host;
    return {host, host, {}};
  }
  net::Devices open(const train::DeviceChoice& choice) {
    return train::open_devices(catalogue_, plugins_.device_kinds(), choice);
  }

  void run_layer(const std::string& name, Runner& runner) {
    if (session_ && options_.cases.empty()) require_type(of_net_, name, options_.net);
    check_layer(host(), layer_cases_, name, runner);
    check_layer(portable(), layer_cases_, name, runner);
  }

  // Kinds that know no device.
  void run_on_host(const std::string& kind, const std::string& name, Runner& runner) {
    const Ground ground = host();
    if (kind == "source")
      return check_source(ground, name, texts("sources.yaml", sources_text), runner);
    if (kind == "database") return check_database(ground, name, runner);
    if (kind == "schedule")
      return check_schedule(ground, name, texts("schedules.yaml", schedules_text), runner);
    if (kind == "filler")
      return check_filler(ground, name, texts("fillers.yaml", fillers_text), runner);
    if (kind == "transform")
      return check_transform(ground, name, texts("transforms.yaml", transforms_text), runner);
    base::fail_work("no such part: " + kind);
  }

  void run_solver(const std::string& name, Runner& runner) {
    const std::vector<CaseText> cases = texts("solvers.yaml", solvers_text);
    check_solver(host(), name, cases, runner);
    check_solver(portable(), name, cases, runner);
  }

  // A layer or solver on all that this machine has beside the host's device.
  void run_on_other_devices(const std::string& part, const std::string& name, Runner& runner) {
    runner.rung("devices");
    if (session_)
      return runner.absent("with --from a device's own `dlrun conform` compares its layers");
    const Ground on_host = portable();
    bool any = false;
    for (const train::DeviceKind& kind : plugins_.device_kinds()) {
      if (kind.is_host || !is_there(kind.name, runner)) continue;
      any = true;
      train::DeviceChoice choice;
      choice.device = kind.name;
      const Ground ground = ground_on([&] { return open(choice); }, ", on " + kind.name);
      if (part == "layer-devices") {
        check_layer_on_device(ground, on_host, layer_cases_, name, runner);
      } else {
        check_solver_on_device(ground, on_host, name, texts("solvers.yaml", solvers_text), runner);
      }
    }
    if (!any) runner.absent("there is no other device than the host's");
  }

  // Whether the machine has such a device. What is wrong with that plugin isn't this one's fault.
  bool is_there(const std::string& device, Runner& runner) {
    try {
      uint64_t n = 0;
      dlr_string reason{"", 0};
      host::check(catalogue_.get<dlr_device_type>("device", device, {}, "").count(&n, &reason));
      return n > 0;
    } catch (const base::Error& error) {
      const std::string why = error.what();
      runner.check("N1", "device '" + device + "'", [&] { decline(why); });
      return false;
    }
  }

  // Where cases come from: dlrun's own, then the author's.
  std::vector<CaseText> texts(const char* file, const char* builtin) const {
    std::vector<CaseText> texts = {{builtin, file}};
    if (!options_.cases.empty()) texts.push_back({base::read_file(options_.cases), options_.cases});
    return texts;
  }

  void run_device_layers(const std::string& name, const dlr_device_type& type, Runner& runner) {
    uint64_t n = 0;
    dlr_string reason{"", 0};
    host::check(type.count(&n, &reason));
    runner.rung("layers");
    if (n == 0) return runner.absent("there is no device: " + std::string(host::from_abi(reason)));
    train::DeviceChoice choice;
    choice.device =
        options_.device_index == 0 ? name : fmt::format("{}:{}", name, options_.device_index);
    const Ground ground = ground_on([&] { return open(choice); }, "");
    check_device_layers(ground, portable(), layer_cases_, session_ == nullptr, runner);
    if (!session_)
      check_device_solvers(ground, portable(), texts("solvers.yaml", solvers_text), runner);
  }

  const Options& options_;
  std::unique_ptr<train::Session> session_;
  std::unique_ptr<train::Plugins> own_plugins_;  // without a session
  train::Plugins& plugins_;
  net::Catalogue& catalogue_;
  std::string host_name_;
  dlr_device_type portable_type_{};
  NetCases of_net_;
  std::vector<LayerCase> layer_cases_;
};

}  // namespace

std::vector<std::string> parts_of(const std::string& kind) {
  if (kind == "device")
    return {"device-memory", "device-kernels", "device-operators", "device-layers"};
  const std::vector<std::string> kinds = registry::known_kinds();
  if (kind == "layer" || kind == "solver") return {kind, kind + "-devices"};
  if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return {kind};
  return {};
}

void run_part(const Options& options, const std::string& part, const std::string& after) {
  EventWriter events(prepare_process(), options.seconds);
  choose_device(options.device_index);
  try {
    Runner runner(events, after);
    const std::size_t colon = part.find(':');
    if (colon == std::string::npos) {
      check_library(options.plugin, runner);
    } else {
      // Not destroyed: nothing of the plugin is called once its checks are through.
      auto* workshop = new Workshop(options);
      workshop->run(part.substr(0, colon), part.substr(colon + 1), runner);
    }
    events.done();
  } catch (const base::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    ::_exit(static_cast<int>(error.code()));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);  // no destructor of the plugin runs
}

}  // namespace dlrun::conform
