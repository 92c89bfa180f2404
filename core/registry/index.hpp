// The one file that remembers all manifests, so that a warm start reads one file and stats each
// library.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "core/registry/manifest.hpp"

namespace dlrun::registry {

// What tells one state of a file from another without reading it.
struct FileStamp {
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::uint64_t inode = 0;
  std::uint64_t device = 0;

  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const struct stat& status);

struct IndexEntry {
  FileStamp stamp;
  FileStamp manifest_stamp;  // of the manifest file beside it; zeros: none that may be trusted
  std::string sha256;
  std::shared_ptr<const Manifest> manifest;  // NULL: the library is in quarantine
  std::string reason;                        // why
  bool is_plugin = true;                     // false: it never claimed to be one
  std::string fingerprint;  // quarantine ends when quarantine_fingerprint differs; "": only when
                            // the file changes
};

// A damaged, foreign or unreadable index is an empty one; one that can't be written stays in
// memory.
class Index {
 public:
  // An empty path: in memory only.
  explicit Index(std::filesystem::path file);

  // NULL when nothing is known of that path.
  const IndexEntry* find(const std::filesystem::path& library) const;
  void put(const std::filesystem::path& library, IndexEntry entry);
  // Writes what was put, on top of what other processes wrote in the meantime; entries of libraries
  // that are gone are dropped. Never throws.
  void save();

 private:
  using Entries = std::map<std::filesystem::path, IndexEntry>;
  static Entries read(const std::filesystem::path& file);

  std::filesystem::path file_;
  Entries entries_;
  Entries changed_;
};

// The index of this kind of build in `folder`; when that is empty in $XDG_CACHE_HOME/dlrun or
// ~/.cache/dlrun; "" when there is neither or the environment isn't believed.
std::filesystem::path index_path(const std::filesystem::path& folder);

}  // namespace dlrun::registry
