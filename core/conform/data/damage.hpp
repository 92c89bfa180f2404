// Ways to damage a file, to see what its reader makes of it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dlrun::conform {

struct Damage {
  std::string name;  // "cut to half"
  std::function<void(const std::filesystem::path&)> apply;
};
const std::vector<Damage>& damages();

// Every file below a folder, relative to it, sorted.
std::vector<std::filesystem::path> files_within(const std::filesystem::path& folder);

}  // namespace dlrun::conform
