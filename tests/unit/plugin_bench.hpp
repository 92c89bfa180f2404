// A bench for plugins: opens those of the build directly, parses configurations in their language,
// and hands them to core's own host. Without a registry, so that only the plugins are under test.
#pragma once

#include <dlfcn.h>
#include <dlrun/abi.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/temporary_folder.hpp"
#include "core/config/load.hpp"
#include "core/host/error.hpp"
#include "core/host/host_table.hpp"
#include "core/host/params.hpp"
#include "core/net/catalogue.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {

class PluginBench : public config::SchemaSource, public net::Catalogue {
 public:
  // Names of libraries in the build's folder of plugins, without ".so".
  explicit PluginBench(const std::vector<std::string>& libraries) : owner_(*this) {
    for (const std::string& library : libraries)
      open(library);
  }

  // A message `M { ... }` to hold what a test wants to parse: adds a .proto text.
  void add_schema(const std::string& text) {
    schemas_.push_back({"org.dlrun.test", "test.proto", text});
  }

  config::Node parse_net(const std::string& prototxt) {
    return config::parse_job(prototxt, "test.prototxt", *this).train_net;
  }
  config::Node parse_layer(const std::string& fields) {
    return parse_net("layer { " + fields + " }").message("layer", 0);
  }
  config::Node parse_solver(const std::string& fields) {
    return config::parse_job(fields + " net_param { name: 'n' }", "solver.prototxt", *this).solver;
  }
  const dlr_params* params(const config::Node& node) { return owner_.add(node); }

  template <class T>
  const T& type(const std::string& kind, const std::string& name) {
    return *static_cast<const T*>(load(kind, name, {}, {}).type);
  }

  bool has(const std::string& kind, const std::string& name) override {
    return types_.count({"dlrun." + kind + "/1", name}) != 0;
  }
  net::Provided load(const std::string& kind, const std::string& name, const base::Location& where,
                     const std::string& subject) override {
    if (!has(kind, name))
      base::fail_input(where, subject + "no plugin provides " + kind + " '" + name + "'");
    return {types_.at({"dlrun." + kind + "/1", name}), "bench"};
  }
  std::vector<std::string> names(const std::string& kind) override {
    std::vector<std::string> names;
    for (const auto& [id, type] : types_) {
      if (id.first == "dlrun." + kind + "/1") names.push_back(id.second);
    }
    return names;
  }
  std::vector<config::PluginSchema> schemas_for(const std::vector<config::UsedName>&) override {
    return schemas_;
  }
  std::vector<config::PluginSchema> all_schemas() override { return schemas_; }
  std::vector<std::string> known_names(const std::string& kind) override { return names(kind); }

 private:
  void open(const std::string& name) {
    const dlr_host* const own_host = host::host_table();  // first, as it sets up OpenMP
    const std::string path = build_root() + "/plugins/" + name + ".so";
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto query = reinterpret_cast<dlr_plugin_query_fn>(dlsym(library, "dlrun_plugin_query"));
    const char* why = nullptr;
    const dlr_plugin* plugin = query(DLR_ABI_MAJOR, DLR_ABI_MINOR, &why);
    if (plugin == nullptr) throw std::runtime_error(why);
    host::check(plugin->init(own_host, {"", 0}));
    for (uint64_t i = 0; i < plugin->n_provided; ++i) {
      const dlr_provided& provided = *plugin->provided[i];
      types_[{text(provided.interface_id), text(provided.name)}] = provided.type;
    }
    for (uint64_t i = 0; i < plugin->n_schemas; ++i) {
      schemas_.push_back(
          {text(plugin->id), text(plugin->schemas[i]->file), text(plugin->schemas[i]->text)});
    }
  }

  static std::string text(dlr_string value) { return std::string(host::from_abi(value)); }

  host::ParamsOwner owner_;
  std::map<std::pair<std::string, std::string>, const void*> types_;
  std::vector<config::PluginSchema> schemas_;
};

// What `body` fails with; "" when it doesn't.
template <class Body>
std::string failure_of(const Body& body) {
  try {
    body();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// A folder that is gone at the end of the test.
class TemporaryFolder : public base::TemporaryFolder {
 public:
  std::string file(const std::string& name) const { return (path() / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path() / name, std::ios::binary) << bytes;
    return file(name);
  }
};

}  // namespace dlrun::test
