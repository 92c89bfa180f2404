// `dlrun new KIND NAME`: a folder with a plugin of one's own, copied from the SDK's template with
// the name put in.
//
// A template is a flat folder that builds as it is, under a name of its own: that of its one .cpp
// file. Core knows none of these names.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/suggest.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/config/schema.hpp"
#include "core/registry/build_paths.hpp"
#include "core/registry/registry.hpp"

namespace dlrun::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string kind;
  std::string name;
  std::string folder;
  registry::SearchOptions search;
};

bool is_upper(char c) {
  return std::isupper(static_cast<unsigned char>(c)) != 0;
}
bool is_lower(char c) {
  return std::islower(static_cast<unsigned char>(c)) != 0;
}

// A name in the two ways it is written: "DeepSwish" for types and classes, "deep_swish" for files
// and fields.
struct Name {
  std::string type;
  std::string file;

  explicit Name(const std::string& written) {
    bool begins_word = true;
    for (const char c : written) {
      if (c != '_')
        type += begins_word ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      begins_word = c == '_';
    }
    for (size_t i = 0; i < type.size(); ++i) {
      const bool word = i > 0 && is_upper(type[i]) &&
                        (!is_upper(type[i - 1]) || (i + 1 < type.size() && is_lower(type[i + 1])));
      if (word) file += '_';
      file += static_cast<char>(std::tolower(static_cast<unsigned char>(type[i])));
    }
  }
};

// The number that templates give to the field that holds their parameters. Each new plugin gets one
// made of its name, so that two of them can be used in one net.
constexpr const char* kFieldNumber = "50000";

std::string field_number(const std::string& type) {
  uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : type)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return std::to_string(50000u + hash % 500'000'000u);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Beside an installed binary; above a binary in a build folder of the source tree; where the
// installation was configured to be.
fs::path templates_folder() {
  const fs::path binary = registry::this_executable().parent_path();
  const std::vector<fs::path> places = {binary.parent_path() / "share/dlrun/template",
                                        binary.parent_path() / "sdk/template",
                                        registry::kSystemTemplates};
  std::error_code ignored;
  for (const fs::path& place : places) {
    if (fs::is_directory(place, ignored)) return place;
  }
  base::fail_work(
      fmt::format("dlrun's templates aren't installed; looked in {}, {} and {}. Install the SDK: "
                  "meson install -C build",
                  places[0].string(), places[1].string(), places[2].string()));
}

fs::path template_of(const std::string& kind) {
  const fs::path folder = templates_folder();
  std::vector<std::string> kinds;
  for (const auto& entry : fs::directory_iterator(folder))
    kinds.push_back(entry.path().filename().string());
  std::sort(kinds.begin(), kinds.end());
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    base::fail_input(fmt::format("there is no template for kind '{}'{}; there are {}", kind,
                                 base::did_you_mean(kind, kinds), fmt::join(kinds, ", ")));
  }
  return folder / kind;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

// The name that a template has itself.
Name placeholder_of(const std::vector<fs::path>& files) {
  for (const fs::path& file : files) {
    if (file.extension() == ".cpp") return Name(file.stem().string());
  }
  base::fail_work("the template has no .cpp file; install dlrun's SDK again");
}

void check_name(const Options& options, const Name& name) {
  constexpr size_t kMostLetters = 64;
  const bool is_word =
      !options.name.empty() && std::isalpha(static_cast<unsigned char>(options.name[0])) != 0 &&
      std::all_of(options.name.begin(), options.name.end(),
                  [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '_'); });
  if (!is_word || options.name.size() > kMostLetters) {
    base::fail_input(
        fmt::format("name '{}': expected a letter and then letters, digits or '_', {} at most, "
                    "such as DeepSwish or deep_swish",
                    options.name, kMostLetters));
  }
  const registry::Registry plugins(options.search);
  for (const std::string& type : {name.type, name.file}) {
    if (plugins.has(options.kind, type)) {
      base::fail_input(
          fmt::format("name '{}': there is a {} '{}' already (see `dlrun plugins why "
                      "{}`); choose another name",
                      options.name, options.kind, type, type));
    }
  }
  const auto schema = config::Schema::compose({});
  const auto& layer = schema->descriptor("LayerParameter");
  const std::string message = name.type + "Parameter";
  const std::string field = name.file + "_param";
  if (layer.file()->FindMessageTypeByName(message) != nullptr ||
      layer.FindFieldByName(field) != nullptr) {
    base::fail_input(
        fmt::format("name '{}': the configuration has {} or {} already; choose "
                    "another name",
                    options.name, message, field));
  }
}

// All files under a temporary name, which becomes `target` at the end: there is a whole folder or
// none.
void write_folder(const std::vector<fs::path>& files, const Name& from, const Name& to,
                  const fs::path& target) {
  const auto renamed = [&](const std::string& text) {
    return replaced(replaced(text, from.type, to.type), from.file, to.file);
  };
  fs::path temporary = target;
  temporary += fmt::format(".tmp.{}", ::getpid());
  try {
    fs::create_directory(temporary);
    for (const fs::path& file : files) {
      std::string text = renamed(base::read_file(file));
      if (file.extension() == ".proto")
        text = replaced(std::move(text), kFieldNumber, field_number(to.type));
      base::replace_file(temporary / renamed(file.filename().string()), text);
    }
    fs::rename(temporary, target);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    base::fail_work({target.string()},
                    fmt::format("cannot make the folder: {}", error.code().message()));
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

int make_plugin(const Options& options) {
  const fs::path source = template_of(options.kind);
  const Name name(options.name);
  check_name(options, name);
  fs::path target = fs::path(options.folder.empty() ? name.file : options.folder);
  if (!target.has_filename()) target = target.parent_path();  // "DIR/"
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored)))
    base::fail_input({target.string()}, "is there already; give another --folder, or remove it");
  const std::vector<fs::path> files = files_of(source);
  write_folder(files, placeholder_of(files), name, target);
  fmt::print(
      "made {0}, a {1} to build and then make your own; next:\n"
      "  cd {0}\n"
      "  meson setup build && ninja -C build\n"
      "  dlrun train train.yaml --plugin build/{1}_{2}.so\n",
      target.string(), options.kind, name.file);
  return 0;
}

}  // namespace

Command add_new_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("new", "Make a folder with a plugin of your own, which builds and trains");
  auto options = std::make_shared<Options>();
  command->add_option("KIND", options->kind, "layer, solver, source or device")
      ->required()
      ->type_name("");
  command->add_option("NAME", options->name, "its name: DeepSwish or deep_swish")
      ->required()
      ->type_name("");
  command
      ->add_option("--folder", options->folder,
                   "the folder to make (default: ./NAME, as deep_swish)")
      ->type_name("DIR");
  add_plugin_options(*command, options->search);
  command->footer("Example:\n  dlrun new layer DeepSwish");
  return [options] { return make_plugin(*options); };
}

}  // namespace dlrun::cli
