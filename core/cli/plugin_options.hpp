// The options that every command which uses plugins takes: --plugin, --plugin-path, --locked.
#pragma once

#include <CLI/CLI.hpp>

#include "core/registry/search.hpp"

namespace dlrun::cli {

// Adds the options; they fill `options`, which must outlive the parse.
void add_plugin_options(CLI::App& command, registry::SearchOptions& options);

}  // namespace dlrun::cli
