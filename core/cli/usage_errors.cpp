#include "core/cli/usage_errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "core/base/suggest.hpp"

namespace dlrun::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
  }
  return names;
}

// A word that nothing takes: a command, an option or a value.
std::string explain_word(const CLI::App& command, const std::string& word) {
  const std::vector<std::string> commands = command_names(command);
  if (word.starts_with("-")) {
    const std::string name = word.substr(0, word.find('='));
    return fmt::format("unknown option '{}'{}", name,
                       base::did_you_mean(name, option_names(command)));
  }
  if (!commands.empty())
    return fmt::format("unknown command '{}'{}", word, base::did_you_mean(word, commands));
  return fmt::format("'{}' is one word too many", word);
}

// The first required thing that is missing; "" when nothing is.
std::string explain_missing(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_required() && option->count() == 0)
      return fmt::format("{} is missing: {}", option->get_name(option->get_positional()),
                         option->get_description());
  }
  if (command.get_require_subcommand_min() > 0 && command.get_subcommands().empty())
    return fmt::format("a command is missing: {}", fmt::join(command_names(command), ", "));
  return "";
}

}  // namespace

std::string explain_usage(const CLI::App* app, const CLI::Error& error) {
  const CLI::App* command = app;
  std::string words = app->get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    words += " " + command->get_name();
  }
  // Wrong values are told well by CLI11 itself.
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr &&
      dynamic_cast<const CLI::RequiredError*>(&error) == nullptr)
    return fmt::format("{}: {}\n", words, error.what());
  const std::vector<std::string> unknown = app->remaining(true);
  // An option that isn't known may have left its value where something else belongs.
  const auto option = std::find_if(unknown.begin(), unknown.end(),
                                   [](const std::string& word) { return word.starts_with("-"); });
  std::string message;
  if (option != unknown.end()) {
    message = explain_word(*command, *option);
  } else if (!unknown.empty()) {
    message = explain_word(*command, unknown.front());
  } else {
    message = explain_missing(*command);
  }
  if (message.empty()) message = error.what();
  return fmt::format("{}: {}\n`{} --help` says what there is\n", words, message, words);
}

}  // namespace dlrun::cli
