// Facts of a shared library read from its file, without opening it as a library.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dlrun::registry {

struct ElfFacts {
  std::vector<std::string> needed;  // "libstdc++.so.6"
  std::vector<std::filesystem::path>
      run_paths;                     // where it wants those looked for, $ORIGIN replaced
  bool has_entry = false;            // it mentions dlrun_plugin_query
  std::vector<std::string> exports;  // symbols that it defines for others, sorted
  std::string sanitizer = "none";    // or "address", "thread"
};

// Throws base::Error (exit code 1) with what is wrong: no ELF file, of another machine, truncated.
ElfFacts read_elf(const std::filesystem::path& library);

// A library that another needs, directly or not.
struct Dependency {
  std::string name;
  std::filesystem::path file;  // empty: not found
  std::string needed_by;       // "relu.so -> libfoo.so"
};

// All that the library needs, nearest first, as far as it can be found where the dynamic linker
// looks. An explanation of what the linker says, not a replacement: dlerror has the last word.
std::vector<Dependency> dependencies(const std::filesystem::path& library);

// Changes when anything changes that may decide whether the library can be opened: the libraries it
// needs, the linker's cache, the processor.
std::string dependency_fingerprint(const std::filesystem::path& library);

// The sanitizer that this executable was built with: "none", "address" or "thread".
std::string own_sanitizer();

}  // namespace dlrun::registry
