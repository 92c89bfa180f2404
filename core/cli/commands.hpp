// The commands of dlrun. Each adds itself to the application; after a parse that chose it, the
// function does it and returns the exit code.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace dlrun::cli {

using Command = std::function<int()>;

Command add_check_command(CLI::App& app);
Command add_conform_command(CLI::App& app);
Command add_devices_command(CLI::App& app);
Command add_new_command(CLI::App& app);
Command add_show_command(CLI::App& app);
Command add_test_command(CLI::App& app);
Command add_time_command(CLI::App& app);
Command add_train_command(CLI::App& app);
Command add_verify_command(CLI::App& app);

}  // namespace dlrun::cli
