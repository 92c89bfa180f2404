// A new database, written through the plugin of its kind and put in its place when it is whole.
#pragma once

#include <dlrun/abi.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "core/net/catalogue.hpp"

namespace dlrun::cli {

class DatabaseWriter {
 public:
  // `kind` as the plugins name it, in any case ("lmdb"). Refuses a path where something is, unless
  // `replace` is set and it is a database. Throws base::Error, as all functions do.
  DatabaseWriter(net::Catalogue& catalogue, const std::string& kind,
                 const std::filesystem::path& path, bool replace);
  // Without a finish nothing remains, and what was at the path stays.
  ~DatabaseWriter();
  DatabaseWriter(const DatabaseWriter&) = delete;
  DatabaseWriter& operator=(const DatabaseWriter&) = delete;

  void put(std::string_view key, std::string_view value);
  void finish();

  const std::string& kind() const { return kind_; }

 private:
  void close();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // beside path_
  std::string kind_;
  const dlr_database_type* type_ = nullptr;
  void* self_ = nullptr;
};

}  // namespace dlrun::cli
