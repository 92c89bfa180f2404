#include "core/conform/ground.hpp"

namespace dlrun::conform {
namespace {

// The plugins' language, and a field of layers that holds a filler: core knows no layer that has
// one.
class WithFillerField : public config::SchemaSource {
 public:
  explicit WithFillerField(config::SchemaSource& plugins) : plugins_(plugins) {}

  std::vector<config::PluginSchema> schemas_for(
      const std::vector<config::UsedName>& used) override {
    return and_own(plugins_.schemas_for(used));
  }
  std::vector<config::PluginSchema> all_schemas() override {
    return and_own(plugins_.all_schemas());
  }
  std::vector<std::string> known_names(const std::string& kind) override {
    return plugins_.known_names(kind);
  }

 private:
  static std::vector<config::PluginSchema> and_own(std::vector<config::PluginSchema> schemas) {
    schemas.push_back({"org.dlrun.conform", "conform.proto",
                       "syntax = \"proto2\";"
                       "message ConformFillerParameter { optional FillerParameter filler = 1; }"
                       "extend LayerParameter { optional ConformFillerParameter "
                       "conform_filler_param = 60901; }"});
    return schemas;
  }

  config::SchemaSource& plugins_;
};

template <class Parse>
config::Node once(std::mutex& mutex, std::map<std::string, config::Node>& parsed,
                  const std::string& text, Parse&& parse) {
  const std::lock_guard lock(mutex);
  const auto found = parsed.find(text);
  return found != parsed.end() ? found->second : parsed.emplace(text, parse()).first->second;
}

}  // namespace

config::Node Ground::parse_net(const std::string& prototxt) const {
  return once(parsed->mutex, parsed->nets, prototxt,
              [&] { return config::parse_job(prototxt, "case.prototxt", schemas).train_net; });
}

config::Node Ground::parse_solver(const std::string& fields) const {
  return once(parsed->mutex, parsed->solvers, fields, [&] {
    return config::parse_job(fields + " net_param { name: 'n' }", "case.prototxt", schemas).solver;
  });
}

config::Node Ground::parse_filler(const std::string& fields) const {
  WithFillerField language(schemas);
  const std::string net =
      "layer { name: 'tested' conform_filler_param { filler { " + fields + " } } }";
  return config::parse_job(net, "case.prototxt", language)
      .train_net.message("layer", 0)
      .message("conform_filler_param")
      .message("filler");
}

}  // namespace dlrun::conform
