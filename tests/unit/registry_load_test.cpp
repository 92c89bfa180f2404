// Loading: once, checked, with the reason when it fails, and shut down in reverse order.
#include <fmt/format.h>

#include "core/host/host_table.hpp"
#include "core/registry/cpu_features.hpp"
#include "core/registry/loader.hpp"
#include "core/registry/plugin_catalogue.hpp"
#include "core/registry/registry.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

// What tests/plugins/good.c counts.
struct Calls {
  int inits;
  int shutdowns;
};
const Calls& calls_of(const Plugin& plugin) {
  return *static_cast<const Calls*>(plugin.entry().get_interface({"calls", 5}));
}

bool is_mapped(const fs::path& library) {
  return read("/proc/self/maps").find(library.string()) != std::string::npos;
}

std::string load_error(const std::string& name, const std::string& type) {
  const Folder folder;
  folder.add(name);
  const Registry registry(folder.options());
  Loader loader(*dlrun::host::host_table());
  return message_of([&] { loader.load(registry.resolve("layer", type)); });
}

}  // namespace

TEST_CASE("finding plugins opens none of them; loading opens the one that is used") {
  const Folder folder;
  const fs::path good = folder.add("good");
  const fs::path plain = folder.add("plain");
  const Registry registry(folder.options());
  const auto manifest = registry.resolve("layer", "Good");
  CHECK_FALSE(is_mapped(good));
  Loader loader(*dlrun::host::host_table());
  loader.load(manifest);
  CHECK(is_mapped(good));
  CHECK_FALSE(is_mapped(plain));
}

TEST_CASE("a plugin is initialised once, shut down once and stays mapped") {
  const Folder folder;
  const fs::path good = folder.add("good");
  const Registry registry(folder.options());
  const Calls* calls = nullptr;
  {
    Loader loader(*dlrun::host::host_table());
    const auto manifest = registry.resolve("layer", "Good");
    const auto plugin = loader.load(manifest);
    CHECK(loader.load(manifest) == plugin);
    calls = &calls_of(*plugin);
    CHECK(calls->inits == 1);
    CHECK(calls->shutdowns == 0);
    loader.shutdown();
    loader.shutdown();
    CHECK(calls->shutdowns == 1);
    CHECK(contains(message_of([&] { loader.load(manifest); }), "they were shut down"));
  }
  CHECK(is_mapped(good));
  CHECK(calls->shutdowns == 1);
}

TEST_CASE("two loaders in one process share a plugin's init and shutdown") {
  const Folder folder;
  folder.add("good");
  const Registry registry(folder.options());
  const auto manifest = registry.resolve("layer", "Good");
  Loader first(*dlrun::host::host_table());
  Loader second(*dlrun::host::host_table());
  const Calls& calls = calls_of(*first.load(manifest));
  CHECK(&calls_of(*second.load(manifest)) == &calls);
  CHECK(calls.inits == 1);
  first.shutdown();
  CHECK(calls.shutdowns == 0);
  second.shutdown();
  CHECK(calls.shutdowns == 1);
}

TEST_CASE("a loaded plugin gives its types by kind and name") {
  const Folder folder;
  folder.add("good");
  const Registry registry(folder.options());
  Loader loader(*dlrun::host::host_table());
  const auto plugin = loader.load(registry.resolve("layer", "Good"));
  const auto& type = plugin->type<dlr_layer_type>("layer", "Good");
  CHECK(type.min_bottoms == 1);
  CHECK((type.create != nullptr));
  CHECK(contains(message_of([&] { plugin->type<dlr_layer_type>("layer", "Bad"); }),
                 "provides no layer 'Bad'"));
}

TEST_CASE("a plugin whose init fails gives its reason, each time, after one try") {
  const Folder folder;
  const fs::path library = folder.add("init_fails");
  const Registry registry(folder.options());
  Loader loader(*dlrun::host::host_table());
  for (int i = 0; i < 2; ++i) {
    CHECK(message_of([&] { loader.load(registry.resolve("layer", "Wrong")); }) ==
          fmt::format("cannot load the plugin {}: its init failed: no licence for this machine",
                      library.string()));
  }
}

TEST_CASE("a plugin for another processor isn't opened") {
  CHECK(contains(load_error("needs_cpu", "Wrong"), "needs the CPU feature 'quantum'"));
}

TEST_CASE("features of the processor are compared by name") {
  CHECK(check_cpu("").empty());
  CHECK(check_cpu(cpu_features()).empty());
  CHECK(contains(check_cpu("quantum"), "'quantum'"));
}

TEST_CASE("a library replaced after it was found isn't taken for the old one") {
  const Folder folder;
  const fs::path good = folder.add("good");
  const Registry registry(folder.options());
  fs::copy_file(built("plain_rival.so"), good, fs::copy_options::overwrite_existing);
  Loader loader(*dlrun::host::host_table());
  CHECK_FALSE(message_of([&] { loader.load(registry.resolve("layer", "Good")); }).empty());
}

TEST_CASE("a dependency that went missing after the scan is named when loading") {
  const Folder folder;
  const fs::path library = folder.add("needs_library");
  folder.add("libmiddle");
  Manifest manifest;
  manifest.file = library;
  manifest.id = "org.example.needy";
  manifest.bytes = fs::file_size(library);
  Loader loader(*dlrun::host::host_table());
  const std::string error =
      message_of([&] { loader.load(std::make_shared<const Manifest>(manifest)); });
  CHECK(contains(error, "cannot load the plugin " + library.string()));
  CHECK(contains(error,
                 "the library libabsent.so is missing or can't be opened, needed by "
                 "needs_library.so -> libmiddle.so"));
}

TEST_CASE("the catalogue gives a type of a plugin, or an error at the place that asked") {
  const Folder folder;
  const fs::path good = folder.add("good");
  folder.add("needs_cpu");
  const Registry registry(folder.options());
  Loader loader(*dlrun::host::host_table());
  PluginCatalogue catalogue(registry, loader);
  CHECK(catalogue.has("layer", "Good"));
  const auto provided = catalogue.load("layer", "org.example.good/Good", {}, "");
  CHECK(static_cast<const dlr_layer_type*>(provided.type)->max_tops == DLR_UNBOUNDED);
  CHECK(provided.plugin_file == good.string());
  const std::string error = message_of([&] {
    catalogue.load("layer", "Wrong", {"net.yaml", 4, 2}, "layer 'w': ");
  });
  CHECK(contains(error, "net.yaml:4:2: layer 'w': cannot load the plugin "));
  CHECK(contains(error, "quantum"));
}
