// Files as dlrun needs them: read whole, or replaced whole, never left half-written.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace dlrun::base {

// The bytes of a file; throws Error (exit code 2) that names the path and the reason.
std::string read_file(const std::filesystem::path& path);

// Runs `write(temporary)` on a temporary name in the same folder, syncs it to disk and renames it
// to `path`; on any failure removes the temporary, leaves what was at `path` alone and throws Error
// (code 1).
void replace_file(const std::filesystem::path& path,
                  const std::function<void(const std::filesystem::path& temporary)>& write);
void replace_file(const std::filesystem::path& path, const std::string& bytes);

// Caffe's rule for a path written in a file: relative to the current directory when that exists,
// else relative to the folder of the file that names it.
std::filesystem::path resolve_path(const std::string& written, const std::string& in_file);

}  // namespace dlrun::base
