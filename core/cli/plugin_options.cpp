#include "core/cli/plugin_options.hpp"

namespace dlrun::cli {

void add_plugin_options(CLI::App& command, registry::SearchOptions& options) {
  const std::string group = "Plugins";
  CLI::Option* plugin = command
                            .add_option("--plugin", options.plugins,
                                        "a plugin, or a folder of plugins, to add; may be repeated")
                            ->allow_extra_args(false)
                            ->type_name("FILE_OR_DIR")
                            ->group(group);
  command
      .add_option("--plugin-path", options.plugin_path,
                  "a folder to look for plugins in, instead of all others; may be repeated")
      ->allow_extra_args(false)
      ->type_name("DIR")
      ->excludes(plugin)
      ->group(group);
  command
      .add_flag("--locked", options.locked,
                "use only the plugins that plugins.lock lists, as it lists them")
      ->group(group);
}

}  // namespace dlrun::cli
