// From a name to the plugin that serves it, or to the reason why none does.
#include "core/registry/registry.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

std::string resolve_error(const Registry& registry, const std::string& name) {
  return message_of([&] { registry.resolve("layer", name, {"net.yaml", 3, 7}, "layer 'x': "); });
}

void lock_plugins(const Folder& folder, const std::vector<const Manifest*>& manifests) {
  LockFile lock{folder / "plugins.lock", {}};
  for (const Manifest* manifest : manifests) {
    lock.plugins.push_back({manifest->id, manifest->version, manifest->sha256});
  }
  write_lock(lock);
}

}  // namespace

TEST_CASE("a name finds its plugin, short or with the plugin's id") {
  const Folder folder;
  const fs::path good = folder.add("good");
  folder.add("plain");
  const Registry registry(folder.options());
  CHECK(registry.resolve("layer", "Good")->file == good);
  CHECK(registry.resolve("layer", "org.example.good/Good")->file == good);
  CHECK(short_name("org.example.good/Good") == "Good");
  CHECK(registry.has("layer", "Good"));
  CHECK_FALSE(registry.has("solver", "Good"));
  CHECK_FALSE(registry.has("layer", "org.example.plain/Good"));
  CHECK(registry.names("layer") == std::vector<std::string>{"Good", "Plain"});
}

TEST_CASE(
    "an unknown name is an error at its place that tells the nearest name and where it was looked "
    "for") {
  const Folder folder;
  folder.add("good");
  const Registry registry(folder.options());
  const std::string error = resolve_error(registry, "Goot");
  CHECK(contains(
      error, "net.yaml:3:7: layer 'x': no plugin provides the layer 'Goot'; did you mean 'Good'?"));
  CHECK(contains(error,
                 "looked in " + (folder / "plugins").string() + " (--plugin-path): 1 library"));
}

TEST_CASE("a broken plugin whose file name suggests the name is told with its reason") {
  const Folder folder;
  folder.add("crashes_in_query", "plugins", "layer_awful");
  const Registry registry(folder.options());
  const std::string error = resolve_error(registry, "Awful");
  CHECK(contains(error, "layer_awful.so can't be used: crashed with signal 11"));
  CHECK(contains(registry.why("Awful"), "crashed with signal 11"));
  CHECK(contains(registry.why("layer_awful.so"), "crashed with signal 11"));
}

TEST_CASE("broken plugins hurt no other") {
  const Folder folder;
  folder.add("good");
  for (const char* name :
       {"crashes_in_query", "exits_in_constructor", "wrong_major", "bad_schema", "no_entry"}) {
    folder.add(name);
  }
  write(folder / "plugins/text.so", "not a library");
  Registry registry(folder.options());
  CHECK(registry.resolve("layer", "Good")->id == "org.example.good");
  CHECK(registry.candidates().size() == 7);
  CHECK(registry.all_schemas().size() == 1);
}

TEST_CASE(
    "a short name that two plugins claim is an error naming both files; the full name works") {
  const Folder folder;
  const fs::path plain = folder.add("plain");
  const fs::path rival = folder.add("plain_rival");
  const Registry registry(folder.options());
  const std::string error = resolve_error(registry, "Plain");
  CHECK(contains(error, "two plugins provide the layer 'Plain'"));
  CHECK(contains(error, plain.string()));
  CHECK(contains(error, rival.string()));
  CHECK(registry.resolve("layer", "com.acme.plain/Plain")->file == rival);
  CHECK(registry.resolve("layer", "org.example.plain/Plain")->file == plain);
  CHECK(contains(registry.why("Plain"), "two plugins provide"));
}

TEST_CASE("the lock file decides between two plugins") {
  const Folder folder;
  folder.add("plain");
  const fs::path rival = folder.add("plain_rival");
  lock_plugins(folder, {Registry(folder.options()).resolve("layer", "com.acme.plain/Plain").get()});
  CHECK(Registry(folder.options()).resolve("layer", "Plain")->file == rival);
}

TEST_CASE("of one id, the plugin earlier in the search is used and shadows the other") {
  const Folder folder;
  const fs::path newer = folder.add("plain_newer", "first");
  const fs::path older = folder.add("plain", "second");
  const Registry registry(folder.options({"first", "second"}));
  CHECK(registry.resolve("layer", "Plain")->version == "1.1.0");
  REQUIRE(registry.candidates().size() == 2);
  CHECK(registry.candidates()[1].file == older);
  CHECK(registry.candidates()[1].shadowed_by == newer);
  CHECK(contains(registry.why(older.string()), "has the same id and comes first"));
}

TEST_CASE("of one id, the plugin that the lock file pins is used wherever it is") {
  const Folder folder;
  folder.add("plain_newer", "first");
  const fs::path older = folder.add("plain", "second");
  lock_plugins(folder, {Registry(folder.options({"second"})).resolve("layer", "Plain").get()});
  CHECK(Registry(folder.options({"first", "second"})).resolve("layer", "Plain")->file == older);
}

TEST_CASE("two versions of one id in one folder are ambiguous, two copies are not") {
  const Folder folder;
  folder.add("plain");
  folder.add("plain", "plugins", "plain_copy");
  CHECK(Registry(folder.options()).resolve("layer", "Plain")->version == "1.0.0");
  folder.add("plain_newer");
  const Registry registry(folder.options());
  CHECK(contains(resolve_error(registry, "Plain"), "remove one of them"));
}

TEST_CASE("--locked insists on the lock file") {
  const Folder folder;
  folder.add("good");
  folder.add("plain");
  SearchOptions options = folder.options();
  lock_plugins(folder, {Registry(options).resolve("layer", "Good").get()});
  options.locked = true;
  {
    const Registry registry(options);
    CHECK(resolve_error(registry, "Good").empty());
    CHECK(contains(resolve_error(registry, "Plain"), "doesn't list the plugin org.example.plain"));
  }
  std::string lock = read(folder / "plugins.lock");
  lock.replace(lock.find("sha256: ") + 8, 4, "0000");
  write(folder / "plugins.lock", lock);
  CHECK(contains(resolve_error(Registry(options), "Good"),
                 "pins org.example.good to version 1.2.3 with sha256 0000"));
  options.locked = false;
  const Registry unlocked(options);
  CHECK(resolve_error(unlocked, "Good").empty());
  REQUIRE(unlocked.notices().size() == 1);
  CHECK(contains(unlocked.notices()[0], "pins org.example.good"));

  fs::remove(folder / "plugins.lock");
  options.locked = true;
  CHECK(contains(message_of([&] { const Registry registry(options); }), "--locked: there is no "));
}

TEST_CASE("a wrong lock file is an error at its place") {
  const Folder folder;
  const auto error = [&](const std::string& text) {
    write(folder / "plugins.lock", text);
    return message_of([&] { read_lock(folder / "plugins.lock"); });
  };
  CHECK(contains(
      error("plugins: [{id: a, version: 1}]"),
      "plugins.lock:1:11: expected a plugin with id, version and sha256, but 'sha256' is missing"));
  CHECK(contains(error("other: 1"), "expected a list `plugins:`"));
  CHECK(contains(error("plugins: ["), "plugins.lock:"));
}

TEST_CASE("only the schemas of names in use are given, each once") {
  const Folder folder;
  folder.add("good");
  folder.add("plain");
  Registry registry(folder.options());
  const auto schemas = registry.schemas_for({{"layer", "Good", {}},
                                             {"source", "Good", {}},
                                             {"layer", "Good", {}},
                                             {"layer", "Plain", {}},
                                             {"layer", "Unknown", {}}});
  REQUIRE(schemas.size() == 1);
  CHECK(schemas[0].plugin_id == "org.example.good");
  CHECK(schemas[0].file == "good.proto");
}

TEST_CASE("without any plugin the places are told") {
  const Folder folder;
  fs::create_directories(folder / "empty");
  const Registry registry(folder.options({"empty", "missing"}));
  CHECK(registry.candidates().empty());
  CHECK(contains(registry.describe_places(), "empty (--plugin-path): no libraries"));
  CHECK(contains(registry.describe_places(), "missing (--plugin-path): no such folder"));
}

TEST_CASE("a plugin that the user named and that can't be used is a notice") {
  const Folder folder;
  SearchOptions options = folder.options();
  options.plugin_path.clear();
  options.plugins = {folder.add("wrong_major").string()};
  const Registry registry(options);
  REQUIRE(registry.notices().size() == 1);
  CHECK(contains(registry.notices()[0], "--plugin: the plugin "));
  CHECK(contains(registry.notices()[0], "built for plugin interface 3.2"));
}

TEST_CASE("why tells also what keeps a plugin with a good manifest from being loaded") {
  const Folder folder;
  const fs::path library = folder.add("needs_cpu");
  const Registry registry(folder.options());
  CHECK(contains(
      registry.why("Wrong"),
      "it can't be loaded: needs the CPU feature 'quantum', which this dlrun doesn't know"));
  const Folder other;
  other.add("good");
  CHECK(contains(Registry(other.options()).why("Good"), "it can be loaded"));
}
