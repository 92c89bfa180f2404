// The helper process alone, for tests of the registry: `helper manifest --scan LIBRARY`.
#include <cstdlib>
#include <string_view>

#include "core/registry/scan.hpp"

int main(int argc, char** argv) {
  if (argc != 4 || std::string_view(argv[2]) != "--scan") return EXIT_FAILURE;
  dlrun::registry::run_scan_helper(argv[3]);
}
