#include "core/config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/files.hpp"
#include "core/base/suggest.hpp"
#include "core/config/binder.hpp"
#include "core/config/job_files.hpp"

namespace dlrun::config {
namespace {

namespace pb = google::protobuf;

constexpr char kRootType[] = "JobParameter";
constexpr char kLayerType[] = "LayerParameter";

bool is_of_core(const pb::Descriptor& type) {
  return type.containing_type() == nullptr;
}

std::vector<std::string> field_names(const pb::Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i)
    names.push_back(type.field(i)->name());
  return names;
}

// Loads one job; knows what to say, or which plugin to add, when a name is not in the schema.
class Loader {
 public:
  explicit Loader(SchemaSource& source) : source_(source) {}

  std::shared_ptr<const Document> load(JobValue job) {
    std::vector<PluginSchema> plugins = source_.schemas_for(used_names(job.root));
    for (;;) {
      auto document = std::make_shared<Document>(Schema::compose(plugins), kRootType);
      try {
        fill_document(*document, job.root);
        document->set_notices(std::move(job.notices));
        return document;
      } catch (const UnknownField& unknown) {
        const std::string id = explain(unknown);
        for (const PluginSchema& plugin : source_.all_schemas()) {
          if (plugin.plugin_id == id) plugins.push_back(plugin);
        }
        if (!added_.insert(id).second)
          fail(unknown, unknown_text(unknown, field_names(*unknown.message)));
      }
    }
  }

 private:
  [[noreturn]] static void fail(const UnknownField& unknown, const std::string& message) {
    base::fail_input(unknown.place.location(), unknown.subject + message);
  }

  static std::string unknown_text(const UnknownField& unknown,
                                  const std::vector<std::string>& candidates) {
    return fmt::format("unknown parameter '{}'{}", unknown.field,
                       base::did_you_mean(unknown.field, candidates));
  }

  // The id of the plugin to add, because it extends the message; throws when nothing explains the
  // name.
  std::string explain(const UnknownField& unknown) {
    check_layer_type(unknown);
    const pb::Descriptor& type = *unknown.message;
    if (!is_of_core(type)) fail_in_plugin_message(unknown);

    const auto all = Schema::compose(source_.all_schemas(), Schema::OnTrouble::kSkip);
    const pb::Descriptor& wide = all->descriptor(type.name());
    const pb::FieldDescriptor* field = wide.FindFieldByName(unknown.field);
    if (field != nullptr && type.name() != kLayerType) return all->provider(*field);
    if (field != nullptr) {
      fail(unknown, fmt::format("parameter '{}' belongs to plugin '{}', which serves no layer of "
                                "this net",
                                unknown.field, all->provider(*field)));
    }
    if (type.name() == kRootType &&
        all->descriptor("SolverParameter").FindFieldByName(unknown.field) != nullptr) {
      fail(unknown,
           fmt::format("unknown parameter '{}'; a parameter of that name goes under 'solver'",
                       unknown.field));
    }
    fail(unknown, unknown_text(unknown, field_names(wide)));
  }

  [[noreturn]] static void fail_in_plugin_message(const UnknownField& unknown) {
    const std::vector<std::string> known = field_names(*unknown.message);
    if (known.empty() || !base::nearest_name(unknown.field, known).empty()) {
      fail(unknown, unknown_text(unknown, known));
    }
    fail(unknown, fmt::format("unknown parameter '{}'; {} has {}", unknown.field,
                              unknown.message->name(), fmt::join(known, ", ")));
  }

  // A layer of an unknown type has unknown parameters: the type is what to report.
  void check_layer_type(const UnknownField& unknown) {
    if (unknown.layer == nullptr || unknown.message->name() != kLayerType) return;
    const Entry* type = unknown.layer->find("type");
    if (type == nullptr || !type->value.is_scalar()) return;
    std::vector<std::string> known = source_.known_names("layer");
    for (std::string& name : source_.known_names("source"))
      known.push_back(std::move(name));
    const std::string& name = type->value.text;
    const bool qualified = name.find('/') != std::string::npos;  // vendor/Type
    if (qualified || std::find(known.begin(), known.end(), name) != known.end()) return;
    std::string help = base::did_you_mean(name, known);
    if (known.empty()) {
      help = "; no plugin provides any layer: `dlrun plugins list` says where they are looked for";
    } else if (help.empty()) {
      help = fmt::format("; `dlrun plugins why {}` says more", name);
    }
    base::fail_input(type->value.place.location(),
                     fmt::format("{}unknown type '{}'{}", unknown.subject, name, help));
  }

  SchemaSource& source_;
  std::set<std::string> added_;
};

// Pairs the nets to test with the solver's test_iter and test_state as Caffe does: nets of their
// own first, then the trained net, once for each test_iter that is left.
void choose_test_nets(Job& job) {
  const Node& solver = job.solver;
  job.test_nets = job.root.messages("test_net");
  const int own = static_cast<int>(job.test_nets.size());
  const int iters = solver.count("test_iter");
  if (iters < own || (iters > own && !job.root.has("net"))) {
    solver.fail(iters > 0 ? "test_iter" : "test_net",
                fmt::format("{} test_iter for {} test_net, expected one for each", iters, own));
  }
  for (int i = own; i < iters; ++i)
    job.test_nets.push_back(job.root.message("net"));

  const int states = solver.count("test_state");
  if (states != 0 && states != iters) {
    solver.fail("test_state", fmt::format("{} test_state for {} test_iter, expected one for each",
                                          states, iters));
  }
  if (iters > 0 && !solver.has("test_interval")) {
    solver.fail("test_iter", "test_iter is given, but test_interval is not: how often to test");
  }
}

Job make_job(std::shared_ptr<const Document> document) {
  Job job;
  job.root = document->root();
  job.document = std::move(document);
  job.has_solver = job.root.has("solver");
  job.solver = job.root.message("solver");
  for (const char* field : {"net", "train_net"}) {
    if (job.root.has(field)) job.train_net = job.root.message(field);
  }
  if (job.has_solver) choose_test_nets(job);
  return job;
}

}  // namespace

Job parse_job(const std::string& text, const std::string& file_name, SchemaSource& schemas,
              const LoadOptions& options) {
  return make_job(Loader(schemas).load(read_job_value(text, file_name, options.overrides)));
}

Job load_job(const std::filesystem::path& path, SchemaSource& schemas, const LoadOptions& options) {
  return parse_job(base::read_file(path), path.string(), schemas, options);
}

Node load_net(const std::filesystem::path& path, SchemaSource& schemas,
              const LoadOptions& options) {
  Job job = load_job(path, schemas, options);
  if (!job.train_net) base::fail_input({path.string()}, "has no net, neither inline nor by file");
  return job.train_net;
}

PluginSettings read_plugin_settings(const std::filesystem::path& path, const LoadOptions& options) {
  const Value root = read_job_root(base::read_file(path), path.string(), options.overrides);
  PluginSettings settings;
  for (const auto& [field, list] :
       {std::pair{"plugins", &settings.plugins}, std::pair{"plugin_path", &settings.plugin_path}}) {
    for (const Entry* entry : root.all(field)) {
      if (!entry->value.is_scalar()) continue;
      const base::Location where = entry->value.place.location();
      const auto resolved = base::resolve_path(entry->value.text, where.file);
      list->push_back(std::filesystem::absolute(resolved).string());
    }
  }
  return settings;
}

}  // namespace dlrun::config
