#include "core/registry/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

#include "core/base/error.hpp"
#include "core/registry/elf.hpp"
#include "core/registry/manifest.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// The text of dlerror within what Boost.DLL throws.
std::string linker_words(const std::string& what) {
  const std::string opening = "(dlerror system message: ";
  const std::size_t begin = what.find(opening);
  const std::size_t end = what.rfind(')');
  if (begin == std::string::npos || end == std::string::npos) return what;
  return what.substr(begin + opening.size(), end - begin - opening.size());
}

// "the library libfoo.so is missing, needed by relu.so -> libbar.so: " when that is what the words
// say.
std::string explain_missing(const fs::path& file, const std::string& words) {
  for (const Dependency& dependency : dependencies(file)) {
    if (words.starts_with(dependency.name + ":")) {
      return fmt::format("the library {} is missing or can't be opened, needed by {}: ",
                         dependency.name, dependency.needed_by);
    }
  }
  return {};
}

boost::dll::shared_library open_file(const fs::path& file) {
  using boost::dll::load_mode::rtld_local;
  using boost::dll::load_mode::rtld_now;
  try {
    return boost::dll::shared_library(file.c_str(), rtld_now | rtld_local);
  } catch (const std::exception& error) {
    const std::string words = linker_words(error.what());
    base::fail_work(explain_missing(file, words) + words);
  }
}

// A plugin of another major version usually declines; the same question with other numbers tells
// which it wants.
std::string explain_refusal(dlr_plugin_query_fn query, const char* why) {
  constexpr std::uint32_t kMajorsToTry = 16;
  for (std::uint32_t major = 0; major < kMajorsToTry; ++major) {
    const char* ignored = nullptr;
    const dlr_plugin* entry = major == DLR_ABI_MAJOR ? nullptr : query(major, 0, &ignored);
    if (entry == nullptr || !DLR_HAS(entry, abi_minor_required)) continue;
    const std::string reason =
        check_abi(entry->abi_major, entry->abi_minor_built, entry->abi_minor_required);
    if (!reason.empty()) return reason;
  }
  return fmt::format("declines plugin interface {}.{} of this dlrun: {}", DLR_ABI_MAJOR,
                     DLR_ABI_MINOR, why == nullptr ? "it doesn't say why" : why);
}

const dlr_plugin* query_entry(const boost::dll::shared_library& handle) {
  if (!handle.has("dlrun_plugin_query")) {
    base::fail_work("not a plugin: it has no function dlrun_plugin_query");
  }
  const auto query = handle.get<const dlr_plugin*(std::uint32_t, std::uint32_t, const char**)>(
      "dlrun_plugin_query");
  const char* why = nullptr;
  const dlr_plugin* entry = query(DLR_ABI_MAJOR, DLR_ABI_MINOR, &why);
  if (entry == nullptr) base::fail_work(explain_refusal(query, why));
  if (!DLR_HAS(entry, abi_minor_required)) {
    base::fail_work(
        fmt::format("describes itself in {} bytes, too few to hold its version", entry->size));
  }
  const std::string reason =
      check_abi(entry->abi_major, entry->abi_minor_built, entry->abi_minor_required);
  if (!reason.empty()) base::fail_work(reason);
  if (!DLR_HAS(entry, n_provided)) {
    base::fail_work(
        fmt::format("describes itself in {} bytes, too few to say what it provides", entry->size));
  }
  return entry;
}

}  // namespace

std::string_view from_plugin(dlr_string text) {
  if (text.data == nullptr) return {};
  return {text.data, static_cast<std::size_t>(text.length)};
}

Library open_library(const fs::path& file) {
  const ElfFacts facts = read_elf(file);
  if (facts.sanitizer != "none" && facts.sanitizer != own_sanitizer()) {
    base::fail_work(
        fmt::format("built with the {} sanitizer, and this dlrun isn't; rebuild either of them",
                    facts.sanitizer));
  }
  boost::dll::shared_library handle = open_file(file);
  // Code and data of plugins are referred to from many places: they stay until the process ends.
  ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
  const dlr_plugin* entry = query_entry(handle);
  return {std::move(handle), entry};
}

}  // namespace dlrun::registry
