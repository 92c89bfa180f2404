// Writing a new file piece by piece, inside base::replace_file.
#pragma once

#include <filesystem>
#include <string_view>

namespace dlrun::model_io {

class FileWriter {
 public:
  // Creates `temporary`; messages name `path`, what the user asked for. Throws Error (exit code 1).
  FileWriter(const std::filesystem::path& path, const std::filesystem::path& temporary);
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter();

  void write(std::string_view bytes);
  void close();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace dlrun::model_io
