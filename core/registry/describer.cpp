#include "core/registry/describer.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/sha256.hpp"
#include "core/config/schema.hpp"
#include "core/registry/elf.hpp"
#include "core/registry/trust.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// "" when the manifest describes a plugin that this dlrun can serve.
std::string judge(const Manifest& manifest) {
  const std::string trouble =
      check_abi(manifest.abi_major, manifest.abi_minor_built, manifest.abi_minor_required);
  if (!trouble.empty()) return trouble;
  for (const SchemaText& schema : manifest.schemas) {
    const std::string wrong = config::check_schema({manifest.id, schema.file, schema.text});
    if (!wrong.empty()) return "its schema is wrong: " + wrong;
  }
  return {};
}

}  // namespace

Describer::Describer(Index& index, ScanHelper helper) : index_(&index), helper_(std::move(helper)) {
  struct stat status = {};
  if (::stat(helper_.executable.c_str(), &status) == 0) {
    owner_ = status.st_uid;
    executable_stamp_ =
        fmt::format("{} {}.{}", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
}

Candidate Describer::describe(const fs::path& library, const struct stat& status) {
  Candidate candidate;
  candidate.file = library;
  candidate.reason = check_trust(library, status, owner_);
  if (!candidate.reason.empty()) return candidate;

  const FileStamp stamp = stamp_of(status);
  const FileStamp manifest = manifest_stamp(library);
  const IndexEntry* known = index_->find(library);
  if (known == nullptr || !is_current(*known, library, stamp, manifest)) {
    IndexEntry entry = inspect(library, manifest, known);
    entry.stamp = stamp;
    index_->put(library, std::move(entry));
    known = index_->find(library);
  }
  candidate.manifest = known->manifest;
  candidate.reason = known->reason;
  candidate.is_plugin = known->is_plugin;
  return candidate;
}

bool Describer::is_current(const IndexEntry& entry, const fs::path& library, const FileStamp& stamp,
                           const FileStamp& manifest) const {
  if (entry.stamp != stamp || entry.manifest_stamp != manifest) return false;
  return entry.fingerprint.empty() || entry.fingerprint == quarantine_fingerprint(library);
}

std::string Describer::quarantine_fingerprint(const fs::path& library) const {
  return base::sha256(executable_stamp_ + "\n" + dependency_fingerprint(library));
}

IndexEntry Describer::inspect(const fs::path& library, const FileStamp& of_manifest,
                              const IndexEntry* known) {
  IndexEntry entry;
  entry.manifest_stamp = of_manifest;
  try {
    entry.sha256 = base::sha256_of_file(library);
    if (known != nullptr && known->manifest && known->sha256 == entry.sha256 &&
        known->manifest_stamp == of_manifest) {
      entry.manifest = known->manifest;  // touched or copied over, not changed
      return entry;
    }
    entry.is_plugin = read_elf(library).has_entry;
    if (entry.is_plugin) {
      entry.manifest = ask(library, entry.sha256);
    } else {
      entry.reason = "not a plugin: it has no function dlrun_plugin_query";
    }
  } catch (const base::Error& error) {
    entry.reason = error.what();
    entry.fingerprint = quarantine_fingerprint(library);
  }
  return entry;
}

std::shared_ptr<const Manifest> Describer::ask(const fs::path& library,
                                               const std::string& sha256) const {
  std::optional<Manifest> manifest = read_beside(library, sha256);
  if (!manifest) manifest = scan_in_helper(library, helper_);
  const std::string trouble = judge(*manifest);
  if (!trouble.empty()) base::fail_work(trouble);
  return std::make_shared<const Manifest>(std::move(*manifest));
}

// Zeros when there is no manifest file, or none that may be trusted.
FileStamp Describer::manifest_stamp(const fs::path& library) const {
  const fs::path path = manifest_path(library);
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0 || !check_trust(path, status, owner_).empty()) return {};
  return stamp_of(status);
}

// The manifest file when there is one that is readable, trusted and of this very library; else the
// library itself is asked, which is always right.
std::optional<Manifest> Describer::read_beside(const fs::path& library,
                                               const std::string& sha256) const {
  if (manifest_stamp(library) == FileStamp()) return {};
  const fs::path path = manifest_path(library);
  try {
    Manifest manifest = parse_manifest(base::read_file(path), path.string(), library);
    if (manifest.sha256 == sha256) return manifest;
  } catch (const base::Error&) {
  }
  return {};
}

}  // namespace dlrun::registry
