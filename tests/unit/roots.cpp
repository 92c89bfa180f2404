#include "tests/unit/roots.hpp"

namespace dlrun::test {

std::string source_root() {
  return DLRUN_SOURCE_ROOT;
}

std::string build_root() {
  return DLRUN_BUILD_ROOT;
}

}  // namespace dlrun::test
