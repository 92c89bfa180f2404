// Making the manifest of a library by asking the library itself.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "core/registry/manifest.hpp"

namespace dlrun::registry {

// Opens the library in THIS process, which a bad one can crash. Throws base::Error (exit code 1)
// with the reason when it is no usable plugin.
Manifest make_manifest(const std::filesystem::path& library);

// How to start the helper process: `executable` is run as `executable manifest --scan LIBRARY`.
struct ScanHelper {
  std::filesystem::path executable;
  std::chrono::milliseconds time_limit{10'000};
};

// make_manifest in the helper process. Throws base::Error (exit code 1) with the reason also when
// the library crashes, hangs or ends the helper.
Manifest scan_in_helper(const std::filesystem::path& library, const ScanHelper& helper);

// The helper's side: writes the manifest of the library, or the reason why there is none, to
// standard output and ends the process.
[[noreturn]] void run_scan_helper(const std::filesystem::path& library);

}  // namespace dlrun::registry
