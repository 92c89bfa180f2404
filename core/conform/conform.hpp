// `dlrun conform`: runs the suite over a plugin, each part in a process of its own, so that a crash
// is a result.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/conform/runner.hpp"
#include "core/registry/search.hpp"

namespace dlrun::conform {

struct Options {
  std::filesystem::path plugin;  // the library
  registry::SearchOptions plugins;
  std::string cases;                   // --cases: further cases; may be empty
  std::string net;                     // --from: a net whose layers are the cases; may be empty
  std::vector<std::string> overrides;  // --set: of that net
  uint64_t device_index = 0;           // --device-index: of several devices
  unsigned seconds = 60;               // for one check
};

struct Report {
  std::string plugin;  // "swish.so: com.example.swish 1.0.0, layer 'Swish'"
  std::vector<Result> results;
  bool passed() const;
};

// Asks this program's executable to run the parts.
Report run(const Options& options);

// The other side: runs one part ("layer:ReLU"), writes events to standard output and ends the
// process. `after`: see Runner.
[[noreturn]] void run_part(const Options& options, const std::string& part,
                           const std::string& after);

}  // namespace dlrun::conform
