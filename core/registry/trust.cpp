#include "core/registry/trust.hpp"

#include <fmt/format.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace dlrun::registry {
std::string check_trust(const std::filesystem::path& file, const struct stat& status, uid_t owner) {
  if ((status.st_mode & S_IWOTH) != 0) {
    return fmt::format("refused: every user may write to the file; `chmod o-w {}` if you trust it",
                       file.string());
  }
  const uid_t user = ::geteuid();
  if (status.st_uid == 0 || status.st_uid == user || status.st_uid == owner) return {};
  return fmt::format(
      "refused: the file belongs to user {}; a plugin must belong to root, to you (user {}) or to "
      "the owner of the "
      "dlrun binary (user {}); copy it, or `chown` it if you trust it",
      status.st_uid, user, owner);
}

bool is_elevated() {
  return ::getauxval(AT_SECURE) != 0;
}

}  // namespace dlrun::registry
