// `dlrun convert mnist`.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dlrun::cli {

// Adds the command to the application; after a parse that chose it, the function does it and
// returns the exit code.
std::function<int()> add_convert_command(CLI::App& app);

}  // namespace dlrun::cli
