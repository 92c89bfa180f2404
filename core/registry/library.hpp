// Opening a plugin's library and asking for its description: the one place that calls dlopen.
#pragma once

#include <dlrun/abi.h>

#include <boost/dll/shared_library.hpp>
#include <filesystem>
#include <string_view>

namespace dlrun::registry {

struct Library {
  boost::dll::shared_library handle;
  const dlr_plugin* entry;
};

// Opens by absolute path and queries. The library stays mapped for the life of the process,
// whatever becomes of the handle. Throws base::Error (exit code 1) with the reason, the dynamic
// linker's own words included.
Library open_library(const std::filesystem::path& file);

// Text of the other side; NULL data is empty text.
std::string_view from_plugin(dlr_string text);

}  // namespace dlrun::registry
