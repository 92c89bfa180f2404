#include "core/conform/data/damage.hpp"

#include <algorithm>
#include <fstream>

#include "core/base/files.hpp"

namespace dlrun::conform {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// Every byte of a part turned round.
void spoil(const fs::path& file, double from, double to) {
  std::string bytes = base::read_file(file);
  const auto at = [&](double share) {
    return static_cast<std::size_t>(share * static_cast<double>(bytes.size()));
  };
  for (std::size_t i = at(from); i < at(to); ++i)
    bytes[i] = static_cast<char>(~bytes[i]);
  write(file, bytes);
}

}  // namespace

const std::vector<Damage>& damages() {
  static const std::vector<Damage> all = {
      {"gone", [](const fs::path& file) { fs::remove(file); }},
      {"empty", [](const fs::path& file) { fs::resize_file(file, 0); }},
      {"a byte", [](const fs::path& file) { write(file, "x"); }},
      {"cut to half", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); }},
      {"cut by a byte",
       [](const fs::path& file) {
         if (fs::file_size(file) > 0) fs::resize_file(file, fs::file_size(file) - 1);
       }},
      {"spoiled at its beginning", [](const fs::path& file) { spoil(file, 0, 0.1); }},
      {"spoiled in its middle", [](const fs::path& file) { spoil(file, 0.3, 0.6); }},
      {"spoiled at its end", [](const fs::path& file) { spoil(file, 0.9, 1); }},
  };
  return all;
}

std::vector<fs::path> files_within(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace dlrun::conform
