// `dlrun show`: what a plugin's type takes, what a configuration resolves to, or what a file of
// weights holds.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "core/base/error.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/cli/text_table.hpp"
#include "core/config/load.hpp"
#include "core/config/schema.hpp"
#include "core/model_io/weights.hpp"
#include "core/train/session.hpp"

namespace dlrun::cli {
namespace {

namespace pb = google::protobuf;

struct Options {
  registry::SearchOptions plugins;
  std::string what;
  bool markdown = false;
};

std::string type_of(const pb::FieldDescriptor& field) {
  std::string type = field.cpp_type_name();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) type = field.message_type()->name();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_ENUM) {
    type.clear();
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      type += (i > 0 ? " or " : "") + field.enum_type()->value(i)->name();
    }
  }
  return field.is_repeated() ? type + " ..." : type;
}

std::string default_of(const pb::FieldDescriptor& field) {
  if (field.is_repeated() || !field.has_default_value()) return "";
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return fmt::format("{}", field.default_value_int32());
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return fmt::format("{}", field.default_value_int64());
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return fmt::format("{}", field.default_value_uint32());
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return fmt::format("{}", field.default_value_uint64());
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return fmt::format("{:g}", field.default_value_float());
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return fmt::format("{:g}", field.default_value_double());
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return field.default_value_enum()->name();
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return field.default_value_string();
    default:
      return "";
  }
}

std::string meaning_of(const pb::FieldDescriptor& field) {
  const config::FieldNotes notes = config::notes_of(field);
  std::string text = notes.help;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (!notes.unit.empty()) add("in " + notes.unit);
  if (std::isfinite(notes.min)) add(fmt::format("at least {:g}", notes.min));
  if (std::isfinite(notes.max)) add(fmt::format("at most {:g}", notes.max));
  return text;
}

std::vector<std::vector<std::string>> field_rows(const pb::Descriptor& message) {
  std::vector<std::vector<std::string>> rows = {{"parameter", "type", "default", "meaning"}};
  for (int i = 0; i < message.field_count(); ++i) {
    const pb::FieldDescriptor& field = *message.field(i);
    rows.push_back({field.name(), type_of(field), default_of(field), meaning_of(field)});
  }
  return rows;
}

void print_rows(const std::vector<std::vector<std::string>>& rows, bool markdown) {
  if (!markdown) {
    fmt::print("{}", format_table(rows));
    return;
  }
  for (size_t row = 0; row < rows.size(); ++row) {
    for (const std::string& cell : rows[row])
      fmt::print("| {} ", cell);
    fmt::print("|\n{}", row == 0 ? "|---|---|---|---|\n" : "");
  }
}

std::string count_text(int32_t least, int32_t most) {
  if (most == DLR_UNBOUNDED) return fmt::format("{} or more", least);
  return least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
}

// The fields of core's messages that the plugin adds.
void print_parameters(const registry::Manifest& manifest, const config::Schema& schema,
                      bool markdown) {
  for (const char* extended :
       {"LayerParameter", "SolverParameter", "FillerParameter", "TransformationParameter"}) {
    const pb::Descriptor& message = schema.descriptor(extended);
    for (int i = 0; i < message.field_count(); ++i) {
      const pb::FieldDescriptor& field = *message.field(i);
      if (schema.provider(field) != manifest.id) continue;
      const std::string quote = markdown ? "`" : "";
      fmt::print("\n{0}{1}{0} in {0}{2}{0}:\n{3}", quote, field.name(), extended,
                 markdown ? "\n" : "");
      if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        print_rows(field_rows(*field.message_type()), markdown);
      } else {
        print_rows({{"parameter", "type", "default", "meaning"},
                    {field.name(), type_of(field), default_of(field), meaning_of(field)}},
                   markdown);
      }
    }
  }
}

bool show_type(const Options& options) {
  train::Plugins plugins(options.plugins);
  registry::Registry& registry = plugins.registry();
  bool found = false;
  for (const char* kind :
       {"layer", "source", "solver", "schedule", "filler", "transform", "database", "device"}) {
    if (!registry.has(kind, options.what)) continue;
    const auto manifest = registry.resolve(kind, options.what);
    const registry::ProvidedType& provided =
        *manifest->find(kind, registry::short_name(options.what));
    fmt::print("{}{}\n{}{}: {}\n", options.markdown ? "# " : "", provided.name,
               options.markdown ? "\n" : "", kind, provided.summary);
    if (provided.kind == "layer") {
      fmt::print("{}bottoms: {}, tops: {}\n", options.markdown ? "\n" : "",
                 count_text(provided.min_bottoms, provided.max_bottoms),
                 count_text(provided.min_tops, provided.max_tops));
    }
    fmt::print("{}plugin: {} {}{}\n", options.markdown ? "\n" : "", manifest->id, manifest->version,
               options.markdown ? "" : fmt::format(" ({})", manifest->file.string()));
    const auto schema = config::Schema::compose(registry.schemas_for({{kind, options.what, {}}}));
    print_parameters(*manifest, *schema, options.markdown);
    found = true;
  }
  return found;
}

void show_weights(const std::string& file) {
  std::vector<std::vector<std::string>> rows = {{"layer", "type", "blobs", ">values"}};
  uint64_t total = 0;
  for (const model_io::LayerWeights& layer : model_io::read_weights(file)) {
    std::string shapes;
    uint64_t values = 0;
    for (const model_io::HostBlob& blob : layer.blobs) {
      shapes += (shapes.empty() ? "" : ", ") + model_io::shape_to_string(blob.shape);
      values += blob.value_count();
    }
    total += values;
    rows.push_back({layer.name, layer.type, shapes, values == 0 ? "" : with_commas(values)});
  }
  fmt::print("{}total: {}\n", format_table(rows), with_commas(total));
}

int show(const Options& options) {
  const std::string ending = std::filesystem::path(options.what).extension().string();
  if (ending == ".caffemodel" || ending == ".h5") {
    show_weights(options.what);
  } else if (std::filesystem::is_regular_file(options.what)) {
    train::SessionOptions session_options;
    session_options.config = options.what;
    session_options.plugins = options.plugins;
    const train::Session session(session_options);
    const config::Job& job = session.job();
    if (job.has_solver) fmt::print("# solver\n{}\n", config::to_prototxt(job.solver));
    if (job.train_net) fmt::print("# net\n{}", config::to_prototxt(job.train_net));
  } else if (!show_type(options)) {
    base::fail_input(fmt::format(
        "'{}' is no type that a plugin provides and no file; `dlrun plugins list` lists the types",
        options.what));
  }
  return 0;
}

}  // namespace

Command add_show_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "show", "Describe a type, a configuration as resolved, or a file of weights");
  auto options = std::make_shared<Options>();
  command->add_option("WHAT", options->what, "a type (Convolution), a job or net, or a .caffemodel")
      ->required();
  command->add_flag("--markdown", options->markdown, "a type as a page of documentation");
  add_plugin_options(*command, options->plugins);
  command->footer("Examples:\n  dlrun show Convolution\n  dlrun show lenet_iter_2000.caffemodel");
  return [options] { return show(*options); };
}

}  // namespace dlrun::cli
