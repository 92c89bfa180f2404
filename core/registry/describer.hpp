// What is known of one library: from the index, its manifest file, or the helper process, in this
// order.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/registry/index.hpp"
#include "core/registry/manifest.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::registry {

// A library that was found.
struct Candidate {
  std::filesystem::path file;
  std::size_t place = 0;                     // index into Registry::places()
  std::shared_ptr<const Manifest> manifest;  // NULL: not usable, see `reason`
  std::string reason;                        // why it isn't usable: "crashed with signal 11 ..."
  bool is_plugin = true;                     // false: a library that never claimed to be a plugin
  std::filesystem::path
      shadowed_by;  // the library with the same id earlier in the search, or empty
};

class Describer {
 public:
  // `index` must outlive it.
  Describer(Index& index, ScanHelper helper);

  // Never throws for a bad library: that is what `reason` is for.
  Candidate describe(const std::filesystem::path& library, const struct stat& status);

 private:
  IndexEntry inspect(const std::filesystem::path& library, const FileStamp& of_manifest,
                     const IndexEntry* known);
  std::shared_ptr<const Manifest> ask(const std::filesystem::path& library,
                                      const std::string& sha256) const;
  FileStamp manifest_stamp(const std::filesystem::path& library) const;
  std::optional<Manifest> read_beside(const std::filesystem::path& library,
                                      const std::string& sha256) const;
  bool is_current(const IndexEntry& entry, const std::filesystem::path& library,
                  const FileStamp& stamp, const FileStamp& manifest) const;
  std::string quarantine_fingerprint(const std::filesystem::path& library) const;

  Index* index_;
  ScanHelper helper_;
  uid_t owner_ = 0;               // of the dlrun binary
  std::string executable_stamp_;  // another dlrun may judge otherwise
};

}  // namespace dlrun::registry
