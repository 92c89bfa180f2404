// A net opens only the plugins that it uses.
#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "tests/unit/train_support.hpp"

namespace dlrun::test {
namespace {

// The file names of this build's plugins that are mapped into the process.
std::set<std::string> mapped_plugins() {
  std::set<std::string> names;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t at = line.find('/');
    if (at == std::string::npos) continue;
    const std::filesystem::path path(line.substr(at));
    if (path.parent_path() == std::filesystem::canonical(plugin_folder()) &&
        path.extension() == ".so") {
      names.insert(path.stem().string());
    }
  }
  return names;
}

}  // namespace

TEST_CASE("building LeNet opens its own layers' libraries and no others") {
  CHECK(mapped_plugins().empty());
  train::Session session(session_options(lenet()));
  train::Trainer trainer(session);
  const std::set<std::string> expected = {"accuracy",   "convolution",     "device_cpu",
                                          "fillers",    "inner_product",   "pooling",
                                          "relu",       "schedules",       "softmax_with_loss",
                                          "solver_sgd", "source_idx_data", "transform_param"};
  CHECK(mapped_plugins() == expected);
}

}  // namespace dlrun::test
