// A cache of its own for a test, where devices keep the kernels that they compile.
#pragma once

#include <cstdlib>

#include "core/base/temporary_folder.hpp"

namespace dlrun::test {

class CacheFolder : public base::TemporaryFolder {
 public:
  CacheFolder() { setenv("XDG_CACHE_HOME", path().c_str(), 1); }

  // One for all tests of a process.
  static const CacheFolder& of_process() {
    static const CacheFolder folder;
    return folder;
  }
};

}  // namespace dlrun::test
