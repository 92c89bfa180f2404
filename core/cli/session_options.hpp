// The options that every command on a configuration takes: --set, --device, --fallback, --threads
// and the plugins'.
#pragma once

#include <CLI/CLI.hpp>

#include "core/train/session.hpp"

namespace dlrun::cli {

// Adds them and the positional CONFIG; they fill `options`, which must outlive the parse.
// Single-dash forms and Caffe's names (-solver, -model) are made by main before the parse.
void add_session_options(CLI::App& command, train::SessionOptions& options,
                         const std::string& what);

}  // namespace dlrun::cli
