// kernel_cache.hpp: compiled kernels on disk, by what they were compiled from, for devices that
// compile at run time. Losing the folder, or finding it unwritable, costs time and nothing else.
#pragma once

#include <unistd.h>
#include <dlrun/sha256.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace dlrun {

// An entry is a file: a line of format and version, a line with the SHA-256 of the binary, the
// binary.
class KernelCache {
 public:
  // $XDG_CACHE_HOME/dlrun/kernels or ~/.cache/dlrun/kernels; nothing is kept when there is neither.
  KernelCache() : folder_(default_folder()) {}

  // `key` is everything that the binary depends on. A damaged entry counts as absent.
  std::optional<std::string> load(std::string_view key) const {
    if (folder_.empty()) return {};
    std::ifstream file(path_of(key), std::ios::binary);
    std::string bytes;
    try {
      bytes.assign(std::istreambuf_iterator<char>(file), {});
    } catch (const std::ios_base::failure&) {  // a folder in its place, a disk that can't be read
      return {};
    }
    const size_t header = kMagic.size() + kDigits + 1;
    if (bytes.size() <= header || bytes.compare(0, kMagic.size(), kMagic) != 0) return {};
    std::string binary = bytes.substr(header);
    if (bytes.compare(kMagic.size(), kDigits, sha256(binary)) != 0) return {};
    return binary;
  }

  void store(std::string_view key, std::string_view binary) const noexcept {
    if (folder_.empty()) return;
    try {
      std::error_code ignored;
      std::filesystem::create_directories(folder_, ignored);
      const std::string path = path_of(key);
      std::string temporary = path + ".XXXXXX";
      const int descriptor = mkstemp(temporary.data());
      if (descriptor < 0) return;
      close(descriptor);
      std::ofstream file(temporary, std::ios::binary);
      file << kMagic << sha256(binary) << '\n' << binary;
      file.close();
      if (file) std::filesystem::rename(temporary, path, ignored);
      if (!file || ignored) std::filesystem::remove(temporary, ignored);
    } catch (...) {  // a cache that can't be written is no cache
    }
  }

 private:
  static constexpr std::string_view kMagic = "dlrun kernel 1\n";
  static constexpr size_t kDigits = 64;

  static std::string default_folder() {
    const char* cache = secure_getenv("XDG_CACHE_HOME");
    if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/dlrun/kernels";
    const char* home = secure_getenv("HOME");
    if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/dlrun/kernels";
    return {};
  }
  std::string path_of(std::string_view key) const { return folder_ + "/" + sha256(key) + ".bin"; }

  std::string folder_;  // empty: none
};

}  // namespace dlrun
