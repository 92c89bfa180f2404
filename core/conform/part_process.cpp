// The process that runs one part: loads what it needs, runs the checks, tells the events.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "core/base/error.hpp"
#include "core/conform/conform.hpp"
#include "core/conform/events.hpp"
#include "core/conform/parts.hpp"
#include "core/train/session.hpp"

namespace dlrun::conform {
namespace {

// The plugin's crash ends the process by its signal, whatever handler (a sanitizer's) there is.
// What the plugin prints must not mix with the events.
int prepare_process() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  for (const int end : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM})
    std::signal(end, SIG_DFL);
  const int events = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return events;
}

std::string read_text(const std::string& file) {
  std::ifstream in(file);
  if (!in) base::fail_input({file, 0, 0}, "can't be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<LayerCase> all_layer_cases(const Options& options) {
  std::vector<LayerCase> cases = builtin_layer_cases();
  if (options.cases.empty()) return cases;
  const std::vector<LayerCase> further = parse_layer_cases(read_text(options.cases), options.cases);
  cases.insert(cases.end(), further.begin(), further.end());
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

void run_on_plugins(const Options& options, const std::string& kind, const std::string& name,
                    Runner& runner) {
  registry::SearchOptions search = options.plugins;
  search.plugins.insert(search.plugins.begin(), options.plugin.string());
  train::Plugins plugins(search);
  const net::Devices devices = train::open_devices(plugins.catalogue(), plugins.device_kinds(), {});
  Ground ground{plugins.catalogue(), plugins.registry(), {devices.host, devices.host, {}}, ""};
  const dlr_device_type portable_type =
      without_operators(plugins.catalogue(), devices.host->name());
  Ground portable = ground;
  portable.devices.host = portable.devices.primary =
      open_portable(devices.host->name(), portable_type);
  portable.label = ", portable";
  if (kind == "layer") {
    const std::vector<LayerCase> cases = all_layer_cases(options);
    check_layer(ground, cases, name, runner);
    check_layer(portable, cases, name, runner);
  }
}

}  // namespace

std::vector<std::string> parts_of(const std::string& kind) {
  if (kind == "layer") return {"layer"};
  return {};
}

void run_part(const Options& options, const std::string& part, const std::string& after) {
  EventWriter events(prepare_process(), options.seconds);
  try {
    Runner runner(events, after);
    const std::size_t colon = part.find(':');
    if (colon == std::string::npos) {
      check_library(options.plugin, runner);
    } else {
      run_on_plugins(options, part.substr(0, colon), part.substr(colon + 1), runner);
    }
    events.done();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);  // no destructor of the plugin runs
}

}  // namespace dlrun::conform
