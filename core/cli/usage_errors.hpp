// What is wrong with a command line, in words that say what may have been meant.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace dlrun::cli {

// For CLI::App::failure_message.
std::string explain_usage(const CLI::App* app, const CLI::Error& error);

}  // namespace dlrun::cli
