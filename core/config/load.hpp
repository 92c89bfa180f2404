// Reading a job: a YAML or prototxt file, the nets it names, the upgrades of old formats, and
// overrides.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/config/document.hpp"
#include "core/config/node.hpp"
#include "core/config/schema.hpp"

namespace dlrun::config {

// A configuration, resolved: nets given by file, inline, or in an old format all look the same
// here.
struct Job {
  std::shared_ptr<const Document> document;
  Node root;    // JobParameter: device, threads, fallback, plugins, weights ...
  Node solver;  // SolverParameter; its type and lr_policy are always set when the file has a solver
  bool has_solver = false;
  Node train_net;  // NetParameter; the only net when a net was loaded; empty when there is none
  // Test net i goes with the solver's test_iter(i) and test_state(i), if there are any.
  std::vector<Node> test_nets;
};

struct LoadOptions {
  std::vector<std::string>
      overrides;  // "solver.base_lr=0.1", "net.layer[conv1].param[0].lr_mult=2"
};

// Loads a job (YAML), a solver or a net (YAML or prototxt); the extension tells the syntax and the
// content tells which. Wrong input throws base::Error at its place.
Job load_job(const std::filesystem::path& path, SchemaSource& schemas,
             const LoadOptions& options = {});
// The same from a text; `file_name` gives the syntax and the place of relative paths.
Job parse_job(const std::string& text, const std::string& file_name, SchemaSource& schemas,
              const LoadOptions& options = {});

// The net of a file: the file's own, or the one that its solver trains.
Node load_net(const std::filesystem::path& path, SchemaSource& schemas,
              const LoadOptions& options = {});

// Where a configuration wants plugins looked for. Read before any schema is composed, because it
// decides which plugins there are; relative paths are resolved against the file.
struct PluginSettings {
  std::vector<std::string> plugins;      // `plugins:` files or folders to add
  std::vector<std::string> plugin_path;  // `plugin_path:` folders that replace all others
};
PluginSettings read_plugin_settings(const std::filesystem::path& path,
                                    const LoadOptions& options = {});

}  // namespace dlrun::config
