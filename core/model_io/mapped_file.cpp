#include "core/model_io/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/files.hpp"

namespace dlrun::model_io {

MappedFile::MappedFile(const std::filesystem::path& path) {
  struct stat status {};
  const bool mappable =
      ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  if (!mappable) {
    copy_ = base::read_file(path);
    bytes_ = copy_;
    return;
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    base::fail_input({path.string()}, fmt::format("cannot read: {}", std::strerror(errno)));
  }
  const auto size = static_cast<size_t>(status.st_size);
  address_ = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int reason = errno;
  ::close(descriptor);
  if (address_ == MAP_FAILED) {
    address_ = nullptr;
    base::fail_input({path.string()}, fmt::format("cannot read: {}", std::strerror(reason)));
  }
  ::madvise(address_, size, MADV_SEQUENTIAL);
  bytes_ = {static_cast<const char*>(address_), size};
}

MappedFile::~MappedFile() {
  if (address_ != nullptr) ::munmap(address_, bytes_.size());
}

}  // namespace dlrun::model_io
