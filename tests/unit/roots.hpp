// Where the source tree and the build folder lie. Functions, for then one file alone is compiled
// with their paths, and ccache knows the others again in another checkout.
#pragma once

#include <string>

namespace dlrun::test {

std::string source_root();
std::string build_root();

}  // namespace dlrun::test
