// A place in one of the files of a configuration; all places in a file share its name.
#pragma once

#include <memory>
#include <string>

#include "core/base/error.hpp"

namespace dlrun::config {

struct Place {
  std::shared_ptr<const std::string> file;
  int line = 0;    // 1-based; 0: the file as a whole
  int column = 0;  // 1-based

  base::Location location() const { return {file ? *file : std::string(), line, column}; }
};

}  // namespace dlrun::config
