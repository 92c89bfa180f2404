// A database with one mistake, chosen by -DDEFECT=NAME; with `none` it is right. One file, written
// as a whole by each commit: for each entry the lengths of key and value, then both.
#include <unistd.h>
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

namespace {

enum Defect {
  none,
  unsorted,
  never_rewinds,
  makes_missing,
  replaces_existing,
  crashes_on_damage,
  loses_committed,
  keeps_uncommitted,
  touches_files,
  litters,
  leaks,
};
constexpr Defect kDefect = DEFECT;

using namespace dlrun;

class Gallery final : public Database {
 public:
  Gallery(const std::string& path, bool create) : path_(path) {
    if (kDefect == leaks) kept_ = ::operator new(64);  // and nothing deletes it
    if (create) {
      if (kDefect != replaces_existing && access(path.c_str(), F_OK) == 0)
        throw Error(path + ": is there already", DLR_IO_ERROR);
      write();
      return;
    }
    if (kDefect == makes_missing) std::ofstream(path, std::ios::app).flush();
    if (kDefect == touches_files) std::ofstream(path, std::ios::app) << std::string(16, '\0');
    if (access(path.c_str(), R_OK) != 0) throw Error(path + ": no such database", DLR_IO_ERROR);
    read();
  }

  uint64_t count() override { return entries_.size(); }
  void first() override {
    if (kDefect != never_rewinds) at_ = 0;
  }
  bool next(std::string_view& key, std::string_view& value) override {
    if (at_ == entries_.size()) return false;
    key = entries_[at_].first;
    value = entries_[at_].second;
    ++at_;
    return true;
  }
  void put(std::string_view key, std::string_view value) override {
    const std::pair<std::string, std::string> entry(key, value);
    auto at = entries_.begin();
    while (kDefect != unsorted && at != entries_.end() && at->first < entry.first)
      ++at;
    entries_.insert(at, entry);
    if (kDefect == keeps_uncommitted) write();
    if (kDefect == loses_committed) std::ofstream(path_, std::ios::trunc).flush();
  }
  void commit() override { write(); }

 private:
  void write() {
    std::ofstream file(path_, std::ios::binary);
    for (const auto& [key, value] : entries_) {
      for (const uint64_t length : {key.size(), value.size()})
        file.write(reinterpret_cast<const char*>(&length), sizeof length);
      file << key << value;
    }
    if (!file.flush()) throw Error(path_ + ": can't be written", DLR_IO_ERROR);
    if (kDefect == litters) std::ofstream(path_ + ".old").flush();
  }

  void read() {
    std::ifstream file(path_, std::ios::binary);
    uint64_t lengths[2];
    while (file.read(reinterpret_cast<char*>(lengths), sizeof lengths)) {
      constexpr uint64_t kMost = 1 << 20;
      if (lengths[0] > kMost || lengths[1] > kMost) damaged();
      std::string key(lengths[0], 0);
      std::string value(lengths[1], 0);
      file.read(key.data(), static_cast<std::streamsize>(key.size()));
      file.read(value.data(), static_cast<std::streamsize>(value.size()));
      if (!file) damaged();
      if (kDefect != touches_files || !key.empty()) entries_.emplace_back(key, value);
    }
  }

  [[noreturn]] void damaged() const {
    if (kDefect == crashes_on_damage) std::abort();
    throw Error(path_ + ": is damaged", DLR_IO_ERROR);
  }

  std::string path_;
  std::vector<std::pair<std::string, std::string>> entries_;
  size_t at_ = 0;
  void* kept_ = nullptr;
};

const dlr_database_type kGallery = database_type<Gallery>();

}  // namespace

DLR_PLUGIN("org.example.gallery", "1.0.0", "",
           DLR_PROVIDE("dlrun.database/1", "GalleryDatabase", "one mistake", kGallery));
