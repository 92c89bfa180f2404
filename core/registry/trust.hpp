// Whose plugins may be run.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace dlrun::registry {

// "" when a file may be trusted: not world-writable, and of root, the effective user or `owner` (of
// the dlrun binary); else the reason and the remedy.
std::string check_trust(const std::filesystem::path& file, const struct stat& status, uid_t owner);

// Whether this process has more rights than the user who started it: then the environment isn't
// believed.
bool is_elevated();

}  // namespace dlrun::registry
