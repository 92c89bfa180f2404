#include "core/registry/index.hpp"

#include <dlrun/abi.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/registry/bytes.hpp"
#include "core/registry/elf.hpp"
#include "core/registry/trust.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// Begins the file; another format makes it somebody else's.
constexpr std::string_view kMark = "dlrun plugin index 2\n";

void write_stamp(ByteWriter& out, const FileStamp& stamp) {
  out.number(stamp.bytes);
  out.number(static_cast<std::uint64_t>(stamp.modified_ns));
  out.number(stamp.inode);
  out.number(stamp.device);
}

FileStamp read_stamp(ByteReader& in) {
  FileStamp stamp;
  stamp.bytes = in.number();
  stamp.modified_ns = static_cast<std::int64_t>(in.number());
  stamp.inode = in.number();
  stamp.device = in.number();
  return stamp;
}

void write_entry(ByteWriter& out, const fs::path& library, const IndexEntry& entry) {
  out.text(library.native());
  write_stamp(out, entry.stamp);
  write_stamp(out, entry.manifest_stamp);
  out.text(entry.sha256);
  out.text(entry.reason);
  out.number(entry.is_plugin ? 1 : 0);
  out.text(entry.fingerprint);
  out.number(entry.manifest ? 1 : 0);
  if (entry.manifest) write(out, *entry.manifest);
}

IndexEntry read_entry(ByteReader& in) {
  IndexEntry entry;
  entry.stamp = read_stamp(in);
  entry.manifest_stamp = read_stamp(in);
  entry.sha256 = in.text();
  entry.reason = in.text();
  entry.is_plugin = in.number() != 0;
  entry.fingerprint = in.text();
  if (in.number() != 0) entry.manifest = std::make_shared<const Manifest>(read_manifest(in));
  return entry;
}

// An index that others may write could tell lies about plugins.
bool is_ours(const fs::path& file) {
  struct stat status = {};
  return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (status.st_uid == ::geteuid() || status.st_uid == 0) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

void write_file(const fs::path& file, const std::string& bytes) {
  fs::create_directories(file.parent_path());
  base::replace_file(file, bytes);
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_size),
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
          status.st_ino, status.st_dev};
}

Index::Index(fs::path file) : file_(std::move(file)), entries_(read(file_)) {}

Index::Entries Index::read(const fs::path& file) {
  Entries entries;
  if (file.empty() || !is_ours(file)) return entries;
  try {
    const std::string bytes = base::read_file(file);
    ByteReader in(open_sealed(kMark, bytes));
    for (std::uint64_t n = in.count(); n > 0; --n) {
      const fs::path library = in.text();
      entries.emplace(library, read_entry(in));
    }
  } catch (const base::Error&) {
    entries.clear();
  }
  return entries;
}

const IndexEntry* Index::find(const fs::path& library) const {
  const auto found = entries_.find(library);
  return found == entries_.end() ? nullptr : &found->second;
}

void Index::put(const fs::path& library, IndexEntry entry) {
  changed_[library] = entry;
  entries_[library] = std::move(entry);
}

void Index::save() {
  if (file_.empty() || changed_.empty()) return;
  Entries all = read(file_);
  for (const auto& [library, entry] : changed_)
    all[library] = entry;
  ByteWriter entries;
  std::uint64_t n = 0;
  std::error_code ignored;
  for (const auto& [library, entry] : all) {
    if (!fs::exists(library, ignored)) continue;
    write_entry(entries, library, entry);
    ++n;
  }
  ByteWriter out;
  out.number(n);
  try {
    write_file(file_, seal(kMark, out.bytes() + entries.bytes()));
    changed_.clear();
  } catch (const std::exception&) {
    // No place to remember: the next start asks the manifests again.
  }
}

fs::path index_path(const fs::path& folder) {
  // Builds that judge plugins differently keep apart.
  const std::string name = fmt::format("plugins-{}.{}{}.index", DLR_ABI_MAJOR, DLR_ABI_MINOR,
                                       own_sanitizer() == "none" ? "" : "-" + own_sanitizer());
  if (!folder.empty()) return folder / name;
  if (is_elevated()) return {};
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && fs::path(cache).is_absolute()) return fs::path(cache) / "dlrun" / name;
  const char* home = std::getenv("HOME");
  if (home != nullptr && fs::path(home).is_absolute())
    return fs::path(home) / ".cache/dlrun" / name;
  return {};
}

}  // namespace dlrun::registry
