// An open database, with errors as exceptions.
#pragma once

#include <dlrun/abi.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dlrun::conform {

class DatabaseSubject {
 public:
  using Entry = std::pair<std::string, std::string>;  // key and value

  DatabaseSubject(const dlr_database_type& type, const std::filesystem::path& path, bool create);
  ~DatabaseSubject();
  DatabaseSubject(const DatabaseSubject&) = delete;
  DatabaseSubject& operator=(const DatabaseSubject&) = delete;

  uint64_t count();
  void first();
  std::optional<Entry> next();  // nothing behind the last
  void put(std::string_view key, std::string_view value);
  void commit();

 private:
  const dlr_database_type& type_;
  void* self_ = nullptr;
};

}  // namespace dlrun::conform
