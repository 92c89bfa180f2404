// The index: what it remembers, when it asks again, and what damage does to it.
#include "core/registry/index.hpp"

#include <dlrun/abi.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/base/sha256.hpp"
#include "core/registry/manifest.hpp"
#include "core/registry/registry.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

// A helper that writes a line to `calls` each time it is started.
fs::path counting_helper(const Folder& folder) {
  const fs::path script = folder / "helper.sh";
  write(script, fmt::format("#!/bin/sh\necho >> {}\nexec {} \"$@\"\n", (folder / "calls").string(),
                            helper().string()));
  fs::permissions(script, fs::perms::owner_all);
  return script;
}

size_t calls(const Folder& folder) {
  return read(folder / "calls").size();
}

SearchOptions counting_options(const Folder& folder) {
  SearchOptions options = folder.options();
  options.executable = counting_helper(folder);
  return options;
}

fs::path index_file(const Folder& folder) {
  return index_path(folder / "cache");
}

}  // namespace

TEST_CASE("a library is scanned once, until it changes") {
  const Folder folder;
  const fs::path good = folder.add("good");
  const SearchOptions options = counting_options(folder);
  for (int i = 0; i < 3; ++i)
    CHECK(Registry(options).has("layer", "Good"));
  CHECK(calls(folder) == 1);
  fs::copy_file(built("plain.so"), good, fs::copy_options::overwrite_existing);
  CHECK(Registry(options).has("layer", "Plain"));
  CHECK_FALSE(Registry(options).has("layer", "Good"));
  CHECK(calls(folder) == 2);
}

TEST_CASE("a library that was only touched isn't scanned again") {
  const Folder folder;
  const fs::path good = folder.add("good");
  const SearchOptions options = counting_options(folder);
  Registry{options};
  fs::last_write_time(good, fs::file_time_type::clock::now() + std::chrono::hours(1));
  CHECK(Registry(options).has("layer", "Good"));
  CHECK(calls(folder) == 1);
}

TEST_CASE("a broken library stays in quarantine, until it or what it needs changes") {
  const Folder folder;
  folder.add("needs_library");
  folder.add("libmiddle");
  const SearchOptions options = counting_options(folder);
  for (int i = 0; i < 3; ++i)
    CHECK_FALSE(Registry(options).has("layer", "Needy"));
  CHECK(calls(folder) == 1);
  CHECK(contains(Registry(options).why("needs_library"), "libabsent.so is missing"));
  fs::copy_file(built("libmiddle_alone.so"), folder / "plugins/libmiddle.so",
                fs::copy_options::overwrite_existing);
  CHECK(Registry(options).has("layer", "Needy"));
  CHECK(calls(folder) == 2);
}

TEST_CASE("a manifest file beside the library spares the scan") {
  const Folder folder;
  const fs::path good = folder.add("good");
  write(manifest_path(good), to_yaml(make_manifest(good)));
  CHECK(Registry(counting_options(folder)).has("layer", "Good"));
  CHECK(calls(folder) == 0);
}

TEST_CASE("a manifest file that appears, changes or vanishes is noticed") {
  const Folder folder;
  const fs::path library = folder.add("needs_library");  // can't be opened here
  const SearchOptions options = counting_options(folder);
  CHECK_FALSE(Registry(options).has("layer", "Needy"));
  Manifest manifest = make_manifest(built("good.so"));
  manifest.sha256 = dlrun::base::sha256_of_file(library);
  write(manifest_path(library), to_yaml(manifest));
  CHECK(Registry(options).has("layer", "Good"));
  manifest.provided[0].name = "Better";
  write(manifest_path(library), to_yaml(manifest));
  CHECK(Registry(options).has("layer", "Better"));
  CHECK(calls(folder) == 1);
  fs::remove(manifest_path(library));
  for (int i = 0; i < 3; ++i)
    CHECK_FALSE(Registry(options).has("layer", "Better"));
  CHECK(calls(folder) == 2);
}

TEST_CASE("a manifest file of another content, or a wrong or foreign one, is not believed") {
  const Folder folder;
  const fs::path plain = folder.add("plain");
  const std::string of_good = to_yaml(make_manifest(built("good.so")));
  size_t scans = 0;
  for (const std::string& yaml : {of_good, std::string("manifest: ["), std::string("hello")}) {
    write(manifest_path(plain), yaml);
    fs::remove_all(folder / "cache");
    CHECK(Registry(counting_options(folder)).has("layer", "Plain"));
    CHECK(calls(folder) == ++scans);
  }
  write(manifest_path(plain), to_yaml(make_manifest(plain)));
  fs::permissions(manifest_path(plain), fs::perms::others_write, fs::perm_options::add);
  fs::remove_all(folder / "cache");
  Registry(counting_options(folder));
  CHECK(calls(folder) == ++scans);
}

TEST_CASE("a manifest file of a newer plugin interface is refused without opening the library") {
  const Folder folder;
  const fs::path good = folder.add("good");
  Manifest manifest = make_manifest(good);
  manifest.abi_minor_required = manifest.abi_minor_built = DLR_ABI_MINOR + 5;
  write(manifest_path(good), to_yaml(manifest));
  const Registry registry(counting_options(folder));
  CHECK(calls(folder) == 0);
  CHECK(contains(registry.candidates()[0].reason, "needs plugin interface 0."));
}

TEST_CASE("a library that everybody may write to is neither opened nor remembered") {
  const Folder folder;
  const fs::path good = folder.add("good");
  fs::permissions(good, fs::perms::others_write, fs::perm_options::add);
  const SearchOptions options = counting_options(folder);
  CHECK(contains(Registry(options).candidates()[0].reason, "every user may write"));
  CHECK(calls(folder) == 0);
  fs::permissions(good, fs::perms::others_write, fs::perm_options::remove);
  CHECK(Registry(options).has("layer", "Good"));
}

TEST_CASE("a damaged index is made anew") {
  const Folder folder;
  folder.add("good");
  const SearchOptions options = counting_options(folder);
  Registry{options};
  const std::string index = read(index_file(folder));
  REQUIRE(index.size() > 100);
  size_t scans = 1;
  std::string flipped = index;
  flipped[index.size() / 2] ^= 0x20;
  for (const std::string& damaged :
       {std::string(), std::string("x"), index.substr(0, index.size() / 2), flipped, index + "x"}) {
    write(index_file(folder), damaged);
    CHECK(Registry(options).has("layer", "Good"));
    CHECK(calls(folder) == ++scans);
  }
  CHECK(Registry(options).has("layer", "Good"));
  CHECK(calls(folder) == scans);
}

TEST_CASE("an index that others may write isn't believed") {
  const Folder folder;
  folder.add("good");
  const SearchOptions options = counting_options(folder);
  Registry{options};
  fs::permissions(index_file(folder), fs::perms::others_write, fs::perm_options::add);
  Registry{options};
  CHECK(calls(folder) == 2);
}

TEST_CASE("without a place for the index everything works") {
  const Folder folder;
  folder.add("good");
  SearchOptions options = folder.options();
  write(folder / "file", "");
  options.cache_folder = folder / "file/within";
  CHECK(Registry(options).has("layer", "Good"));
}

TEST_CASE("processes that write the index at once leave a good one") {
  const Folder folder;
  for (const char* name : {"good", "plain", "numbered"}) {
    const fs::path library = folder.add(name, name);
    write(manifest_path(library), to_yaml(make_manifest(library)));
  }
  std::atomic<int> found = 0;
  std::vector<std::thread> threads;
  for (const std::string name : {"good", "plain", "numbered", "good", "plain", "numbered"}) {
    threads.emplace_back([&folder, &found, name] {
      for (int i = 0; i < 5; ++i) {
        const Registry registry(folder.options({name}));
        if (registry.names("layer").size() == 1) ++found;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(found == 30);
  CHECK(Registry(folder.options({"good", "plain", "numbered"})).names("layer").size() == 3);
}

TEST_CASE("libraries that are gone leave the index") {
  const Folder folder;
  const fs::path good = folder.add("good");
  folder.add("plain");
  Registry{folder.options()};
  CHECK(Index(index_file(folder)).find(good) != nullptr);
  fs::remove(good);
  folder.add("numbered");
  Registry{folder.options()};
  CHECK(Index(index_file(folder)).find(good) == nullptr);
  CHECK(Index(index_file(folder)).find(folder / "plugins/numbered.so") != nullptr);
}
