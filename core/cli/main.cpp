// dlrun: picks a command and turns its errors into one message and an exit code.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdio>
#include <exception>
#include <map>
#include <new>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/cli/command_convert.hpp"
#include "core/cli/command_manifest.hpp"
#include "core/cli/command_plugins.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/usage_errors.hpp"

namespace dlrun::cli {
namespace {

// `caffe train -solver x` says with one dash what dlrun says with two.
std::vector<std::string> with_double_dashes(int argc, char** argv) {
  std::vector<std::string> args;
  for (int i = argc - 1; i > 0; --i) {  // CLI11 wants them in reverse
    std::string arg = argv[i];
    if (arg.size() > 2 && arg[0] == '-' && std::isalpha(static_cast<unsigned char>(arg[1])) != 0)
      arg.insert(0, "-");
    args.push_back(std::move(arg));
  }
  return args;
}

int run(int argc, char** argv) {
  CLI::App app{"dlrun: a deep-learning runtime in which everything that computes is a plugin",
               "dlrun"};
  app.set_version_flag("--version", "dlrun " DLRUN_VERSION);
  app.require_subcommand(1);
  app.failure_message(explain_usage);
  std::map<std::string, Command> commands = {
      {"train", add_train_command(app)},       {"test", add_test_command(app)},
      {"time", add_time_command(app)},         {"check", add_check_command(app)},
      {"devices", add_devices_command(app)},   {"show", add_show_command(app)},
      {"convert", add_convert_command(app)},   {"verify", add_verify_command(app)},
      {"conform", add_conform_command(app)},   {"plugins", add_plugins_command(app)},
      {"manifest", add_manifest_command(app)}, {"new", add_new_command(app)},
  };
  try {
    app.parse(with_double_dashes(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return commands.at(app.get_subcommands().front()->get_name())();
}

void set_up_logging() {
  auto logger = spdlog::stderr_logger_st("dlrun");
  logger->set_pattern("%v");
  spdlog::set_default_logger(logger);
}

}  // namespace
}  // namespace dlrun::cli

int main(int argc, char** argv) {
  dlrun::cli::set_up_logging();
  try {
    return dlrun::cli::run(argc, argv);
  } catch (const dlrun::base::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "internal error: {}\n", error.what());
    return 1;
  }
}
