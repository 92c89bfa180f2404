// Rules A: the library as a library, whatever it provides.
#include <dlrun/abi.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/base/error.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/process_state.hpp"
#include "core/host/error.hpp"
#include "core/host/host_table.hpp"
#include "core/registry/elf.hpp"
#include "core/registry/kinds.hpp"
#include "core/registry/library.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::conform {
namespace {

namespace fs = std::filesystem;

// `first`: what it answered before.
void check_query(const fs::path& file, const registry::Manifest& first) {
  const registry::Library library = registry::open_library(file);
  const auto query =
      library.handle.get<const dlr_plugin*(uint32_t, uint32_t, const char**)>("dlrun_plugin_query");
  constexpr uint32_t kNoSuchMajor = 9999;
  const char* why = nullptr;
  if (query(kNoSuchMajor, 0, &why) != nullptr)
    fail(fmt::format("a description for a host of major version {}", kNoSuchMajor),
         "NULL and a reason");
  if (why == nullptr || *why == '\0') fail("NULL without a reason", "NULL and a reason");
  const dlr_plugin* again = query(DLR_ABI_MAJOR, DLR_ABI_MINOR, &why);
  if (again == nullptr || !(registry::make_manifest(file) == first))
    fail("another answer when asked again", "the same each time");
}

void check_exports(const registry::ElfFacts& facts) {
  if (facts.exports == std::vector<std::string>{"dlrun_plugin_query"}) return;
  fail(fmt::format("exports {}", fmt::join(facts.exports, ", ")),
       "dlrun_plugin_query alone (a version script and hidden visibility do that)");
}

void check_threading(const fs::path& file, bool is_device) {
  if (is_device) decline("devices may bring what their vendor's library needs");
  for (const registry::Dependency& library : registry::dependencies(file)) {
    for (const char* runtime : {"libgomp", "libomp", "libiomp", "libtbb"}) {
      if (library.name.starts_with(runtime))
        fail(fmt::format("needs {} ({})", library.name, library.needed_by),
             "the host's parallel_for instead");
    }
  }
}

void require_group(const char* what, std::initializer_list<bool> present) {
  const auto n = std::count(present.begin(), present.end(), true);
  if (n != 0 && n != static_cast<std::ptrdiff_t>(present.size()))
    fail(fmt::format("{} of the {} functions {}", n, present.size(), what), "all of them, or none");
}

#define HAS(type, field) (DLR_HAS(type, field) && (type)->field != nullptr)

// Reserved bytes of a struct may get a meaning; what isn't 0 today would then be taken for
// something.
template <class Struct>
void require_zero(const Struct& of, const std::string& name) {
  if (!DLR_HAS(&of, reserved)) return;
  const auto* bytes = reinterpret_cast<const char*>(&of.reserved);
  if (std::any_of(bytes, bytes + sizeof of.reserved, [](char byte) { return byte != 0; }))
    fail("a reserved field of " + name + " isn't 0", "0");
}

template <class Type>
void check_kernels(const Type* type) {
  for (uint64_t i = 0; i < type->n_kernels; ++i) {
    const dlr_kernel& kernel = *type->kernels[i];
    require_zero(kernel, "dlr_kernel " + std::string(host::from_abi(kernel.name)));
  }
}

void check_device(const dlr_device_type* type) {
  require_zero(*type, "dlr_device_type");
  require_group("record, wait, destroy_event",
                {HAS(type, record), HAS(type, wait), HAS(type, destroy_event)});
  require_group("build_kernel, release_kernel, launch",
                {HAS(type, build_kernel), HAS(type, release_kernel), HAS(type, launch)});
  require_group("layout_bytes, zero_padding", {HAS(type, layout_bytes), HAS(type, zero_padding)});
  require_group("plan, destroy_plan, run",
                {HAS(type, plan), HAS(type, destroy_plan), HAS(type, run)});
}

void check_layer(const dlr_layer_type* type) {
  check_kernels(type);
  require_group("save_state, load_state", {HAS(type, save_state), HAS(type, load_state)});
}

#undef HAS

void check_structs(const dlr_plugin& entry) {
  require_zero(entry, "dlr_plugin");
  for (uint64_t i = 0; i < entry.n_provided; ++i) {
    const dlr_provided& provided = *entry.provided[i];
    const std::string id(host::from_abi(provided.interface_id));
    const std::string who = fmt::format("{} '{}'", id, host::from_abi(provided.name));
    const std::string trouble = registry::check_type(id, provided.type);
    if (!trouble.empty()) fail(who + " " + trouble, "all that the interface requires");
    constexpr uint64_t kMostBytes = 4096;
    const uint64_t size = *static_cast<const uint64_t*>(provided.type);
    if (size % sizeof(uint64_t) != 0 || size > kMostBytes)
      fail(fmt::format("{} has a struct of {} bytes", who, size), "its sizeof");
    if (id == "dlrun.device/1") check_device(static_cast<const dlr_device_type*>(provided.type));
    if (id == "dlrun.layer/1") check_layer(static_cast<const dlr_layer_type*>(provided.type));
    if (id == "dlrun.solver/1") check_kernels(static_cast<const dlr_solver_type*>(provided.type));
  }
}

void check_init(const dlr_plugin& entry, const std::string& folder) {
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    if (DLR_HAS(&entry, init) && entry.init != nullptr)
      host::check(entry.init(host::host_table(), host::to_abi(folder)),
                  fmt::format("init, round {}: ", round + 1));
    if (DLR_HAS(&entry, shutdown) && entry.shutdown != nullptr) entry.shutdown();
  }
}

}  // namespace

void check_library(const fs::path& file, Runner& runner) {
  runner.rung("library");
  const std::string name = file.filename().string();
  const std::string settings = process_settings();
  const int threads = count_threads();
  registry::Manifest manifest;
  if (!runner.check("A1", name, [&] { manifest = registry::make_manifest(file); })) return;
  // A process that goes on behind a crash skips checks, that one too.
  if (manifest.provided.empty()) manifest = registry::make_manifest(file);
  const registry::ElfFacts facts = registry::read_elf(file);
  const dlr_plugin& entry = *registry::open_library(file).entry;
  const bool is_device =
      std::any_of(manifest.provided.begin(), manifest.provided.end(),
                  [](const auto& provided) { return provided.kind == "device"; });
  runner.check("A2", name, [&] { check_query(file, manifest); });
  runner.check("A3", name, [&] { check_exports(facts); });
  runner.check("A4", name, [&] { check_threading(file, is_device); });
  runner.check("A5", name, [&] { check_structs(entry); });
  runner.check("A9", name, [&] { check_init(entry, file.parent_path().string()); });
  runner.check("A7", name, [&] {
    const std::string now = process_settings();
    if (now != settings) fail(now, settings);
  });
  runner.check("A8", name, [&] {
    const int now = count_threads();
    if (now > threads) fail(fmt::format("{} threads more", now - threads), "none more");
  });
}

}  // namespace dlrun::conform
