#include "core/cli/command_manifest.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/registry/scan.hpp"
#include "core/registry/search.hpp"

namespace dlrun::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string plugin;
  std::string output;
  bool scan = false;
};

int write_manifest(const Options& options) {
  const fs::path plugin = fs::absolute(options.plugin);
  if (options.scan) registry::run_scan_helper(plugin);
  std::error_code ignored;
  if (!fs::is_regular_file(plugin, ignored))
    base::fail_input({options.plugin, 0, 0}, "no such file");
  registry::Manifest manifest;
  try {
    manifest = registry::scan_in_helper(plugin, {registry::this_executable()});
  } catch (const base::Error& error) {
    base::fail_work({options.plugin, 0, 0}, error.what());
  }
  const std::string yaml = registry::to_yaml(manifest);
  if (options.output == "-") {
    fmt::print("{}", yaml);
  } else {
    base::replace_file(
        options.output.empty() ? registry::manifest_path(plugin) : fs::path(options.output), yaml);
  }
  return 0;
}

}  // namespace

std::function<int()> add_manifest_command(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("manifest", "describe a plugin in a file beside it");
  command->footer(
      "Example: dlrun manifest build/layer_swish.so    writes build/layer_swish.manifest.yaml");
  command->add_option("PLUGIN", options->plugin, "the plugin's library")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("-o,--output", options->output, "write to FILE instead; - for standard output")
      ->type_name("FILE");
  command
      ->add_flag("--scan", options->scan,
                 "write it as bytes to standard output (how dlrun asks itself)")
      ->group("");
  return [options] { return write_manifest(*options); };
}

}  // namespace dlrun::cli
