// The bytes of a file, mapped into memory to be read once without a copy.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dlrun::model_io {

class MappedFile {
 public:
  // Throws Error (exit code 2) that names the path and the reason.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::string_view bytes() const { return bytes_; }

 private:
  void* address_ = nullptr;
  std::string copy_;  // of what can't be mapped: pipes and empty files
  std::string_view bytes_;
};

}  // namespace dlrun::model_io
