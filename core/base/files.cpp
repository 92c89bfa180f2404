#include "core/base/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "core/base/error.hpp"

namespace dlrun::base {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_errno(const fs::path& path, const char* what) {
  fail_work({path.string()}, fmt::format("{}: {}", what, std::strerror(errno)));
}

// Asks the kernel to put a file's (or folder's) bytes on the disk.
void sync_path(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) fail_errno(path, "cannot open to sync");
  const int status = ::fsync(descriptor);
  const int reason = errno;
  ::close(descriptor);
  if (status != 0 && reason != EINVAL && reason != EROFS) {
    errno = reason;
    fail_errno(path, "cannot sync to disk");
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) fail_input({path.string()}, "is a folder, expected a file");
  std::ifstream stream(path, std::ios::binary);
  if (!stream) fail_input({path.string()}, fmt::format("cannot read: {}", std::strerror(errno)));
  std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (stream.bad()) fail_input({path.string()}, "cannot read: input/output error");
  return bytes;
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  fs::path temporary = path;
  temporary += fmt::format(".tmp.{}", ::getpid());
  try {
    write(temporary);
    sync_path(temporary, O_RDONLY);
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      fail_errno(path, "cannot rename into place");
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    sync_path(folder, O_RDONLY | O_DIRECTORY);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

void replace_file(const fs::path& path, const std::string& bytes) {
  replace_file(path, [&](const fs::path& temporary) {
    const int descriptor =
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) fail_errno(path, "cannot create");
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t written = ::write(descriptor, bytes.data() + done, bytes.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        const int reason = errno;
        ::close(descriptor);
        errno = reason;
        fail_errno(path, "cannot write");
      }
      done += static_cast<size_t>(written);
    }
    if (::close(descriptor) != 0) fail_errno(path, "cannot write");
  });
}

fs::path resolve_path(const std::string& written, const std::string& in_file) {
  const fs::path path(written);
  std::error_code ignored;
  if (path.is_absolute() || fs::exists(path, ignored)) return path;
  const fs::path beside = fs::path(in_file).parent_path() / path;
  return fs::exists(beside, ignored) ? beside : path;
}

}  // namespace dlrun::base
