// What a library needs, and where that is.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <set>

#include "core/base/error.hpp"
#include "core/base/sha256.hpp"
#include "core/registry/cpu_features.hpp"
#include "core/registry/elf.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// Folders of LD_LIBRARY_PATH.
std::vector<fs::path> environment_folders() {
  std::vector<fs::path> folders;
  const char* value = std::getenv("LD_LIBRARY_PATH");
  const std::string list = value == nullptr ? "" : value;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    if (end > begin) folders.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return folders;
}

// Folders of the system, first the one that the C library itself lies in ("/lib/x86_64-linux-gnu").
std::vector<fs::path> system_folders() {
  std::vector<fs::path> folders;
  Dl_info info = {};
  if (::dladdr(reinterpret_cast<const void*>(&::gnu_get_libc_version), &info) != 0 &&
      info.dli_fname != nullptr) {
    const fs::path folder = fs::path(info.dli_fname).parent_path();
    if (folder.is_absolute()) {
      folders.push_back(folder);
      folders.push_back(fs::path("/usr") / folder.relative_path());
    }
  }
  for (const char* folder : {"/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"}) {
    folders.emplace_back(folder);
  }
  return folders;
}

fs::path find_library(const std::string& name, const std::vector<fs::path>& first,
                      const std::vector<fs::path>& others) {
  std::error_code ignored;
  if (name.find('/') != std::string::npos)
    return fs::exists(name, ignored) ? fs::path(name) : fs::path();
  for (const std::vector<fs::path>* folders : {&first, &others}) {
    for (const fs::path& folder : *folders) {
      if (fs::exists(folder / name, ignored)) return folder / name;
    }
  }
  return {};
}

// What `stat` says of a file, as far as it tells one state from another.
std::string stamp_text(const fs::path& file) {
  struct stat status = {};
  if (file.empty() || ::stat(file.c_str(), &status) != 0) return "missing";
  return fmt::format("{} {} {}.{} {}", file.string(), status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec, status.st_ino);
}

}  // namespace

std::vector<Dependency> dependencies(const fs::path& library) {
  std::vector<fs::path> others = environment_folders();
  for (const fs::path& folder : system_folders())
    others.push_back(folder);

  struct Pending {
    fs::path file;
    std::string chain;
  };
  std::vector<Dependency> found;
  std::set<std::string> seen;
  std::deque<Pending> pending = {{library, library.filename().string()}};
  while (!pending.empty()) {
    const Pending current = pending.front();
    pending.pop_front();
    ElfFacts facts;
    try {
      facts = read_elf(current.file);
    } catch (const base::Error&) {
      continue;  // the dynamic linker will say what is wrong with it
    }
    for (const std::string& name : facts.needed) {
      if (!seen.insert(name).second) continue;
      const fs::path file = find_library(name, facts.run_paths, others);
      found.push_back({name, file, current.chain});
      if (!file.empty()) pending.push_back({file, current.chain + " -> " + name});
    }
  }
  return found;
}

std::string dependency_fingerprint(const fs::path& library) {
  std::string print = cpu_features() + "\n" + stamp_text("/etc/ld.so.cache") + "\n";
  for (const Dependency& dependency : dependencies(library)) {
    print += dependency.name + ": " + stamp_text(dependency.file) + "\n";
  }
  return base::sha256(print);
}

}  // namespace dlrun::registry
