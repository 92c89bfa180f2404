// Compiled kernels on disk, by what they were compiled from. Losing the folder, or finding it
// unwritable, costs time and nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dlrun::opencl {

class BinaryCache {
 public:
  // $XDG_CACHE_HOME/dlrun/kernels or ~/.cache/dlrun/kernels; nothing is kept when there is neither.
  BinaryCache();

  // `key` is everything that the binary depends on. A damaged entry counts as absent.
  std::optional<std::string> load(std::string_view key) const;
  void store(std::string_view key, std::string_view binary) const noexcept;

 private:
  std::string path_of(std::string_view key) const;
  std::string folder_;  // empty: none
};

}  // namespace dlrun::opencl
