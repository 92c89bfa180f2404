// LevelDB databases: a folder of sorted tables, Caffe's default.
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <sys/stat.h>
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <memory>
#include <optional>

#include "leveldb_overlay.hpp"

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw dlrun::Error("LevelDB '" + path + "': " + what, DLR_IO_ERROR);
}

void check(const leveldb::Status& status, const std::string& path, const char* doing) {
  if (status.ok()) return;
  if (status.IsCorruption()) fail(path, "it is corrupt (" + status.ToString() + "); make it anew");
  fail(path, std::string(doing) + ": " + status.ToString());
}

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

std::string_view to_view(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

leveldb::Slice to_slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

std::unique_ptr<leveldb::DB> open_database(const leveldb::Options& options,
                                           const std::string& path) {
  leveldb::DB* database = nullptr;
  check(leveldb::DB::Open(options, path, &database), path, "can't be opened");
  return std::unique_ptr<leveldb::DB>(database);
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    if (!exists(path))
      fail(path, "there is no such folder; check the path, or make it with `dlrun convert`");
    if (exists(path + "/data.mdb")) fail(path, "this is an LMDB; set backend: LMDB");
    if (!exists(path + "/CURRENT")) fail(path, "there is no CURRENT in it, so it is no LevelDB");
    leveldb::Options options;
    options.env = &environment_;
    options.max_open_files = 100;
    options.paranoid_checks = true;
    database_ = open_database(options, path);
    environment_.freeze();
    leveldb::ReadOptions reading;
    reading.verify_checksums = true;
    reading.fill_cache = false;
    entries_.reset(database_->NewIterator(reading));
    entries_->SeekToFirst();
    check(entries_->status(), path_, "can't be read");
  }

  // LevelDB doesn't know how many entries it has, so all are visited, once.
  uint64_t count() {
    if (!count_) {
      leveldb::ReadOptions reading;
      reading.fill_cache = false;
      const std::unique_ptr<leveldb::Iterator> all(database_->NewIterator(reading));
      uint64_t count = 0;
      for (all->SeekToFirst(); all->Valid(); all->Next())
        ++count;
      check(all->status(), path_, "can't be read");
      count_ = count;
    }
    return *count_;
  }

  void first() {
    entries_->SeekToFirst();
    step_ = false;
  }

  bool next(std::string_view& key, std::string_view& value) {
    if (step_ && entries_->Valid()) entries_->Next();
    step_ = true;
    if (!entries_->Valid()) {
      check(entries_->status(), path_, "can't be read");
      return false;
    }
    key = to_view(entries_->key());
    value = to_view(entries_->value());
    return true;
  }

 private:
  std::string path_;
  OverlayEnvironment environment_;
  std::unique_ptr<leveldb::DB> database_;
  std::unique_ptr<leveldb::Iterator> entries_;
  bool step_ = false;  // the entry under the iterator was handed out
  std::optional<uint64_t> count_;
};

// Writes many entries at once.
class Writer {
 public:
  explicit Writer(const std::string& path) : path_(path) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.error_if_exists = true;
    options.write_buffer_size = size_t{16} << 20;
    database_ = open_database(options, path);
  }

  void put(std::string_view key, std::string_view value) {
    pending_.Put(to_slice(key), to_slice(value));
    constexpr size_t kBatchBytes = size_t{16} << 20;
    if (pending_.ApproximateSize() >= kBatchBytes) write_pending();
  }

  // Leaves nothing in LevelDB's log, whose entries every opening would have to read and which may
  // be cut off unnoticed.
  void commit() {
    write_pending();
    const leveldb::Slice behind_all("\xff\xff\xff\xff");
    database_->CompactRange(&behind_all, nullptr);
  }

 private:
  void write_pending() {
    leveldb::WriteOptions writing;
    writing.sync = true;
    check(database_->Write(writing, &pending_), path_, "can't be written");
    pending_.Clear();
  }

  std::string path_;
  std::unique_ptr<leveldb::DB> database_;
  leveldb::WriteBatch pending_;
};

// A database is read or written, never both.
class LevelDb : public dlrun::Database {
 public:
  LevelDb(const std::string& path, bool create) : path_(path) {
    if (create) {
      writer_ = std::make_unique<Writer>(path);
    } else {
      reader_ = std::make_unique<Reader>(path);
    }
  }

  uint64_t count() override { return reader().count(); }
  void first() override { reader().first(); }
  bool next(std::string_view& key, std::string_view& value) override {
    return reader().next(key, value);
  }
  void put(std::string_view key, std::string_view value) override { writer().put(key, value); }
  void commit() override { writer().commit(); }

 private:
  Reader& reader() {
    if (!reader_) fail(path_, "it is open for writing; open it anew to read");
    return *reader_;
  }
  Writer& writer() {
    if (!writer_) fail(path_, "it is open for reading only");
    return *writer_;
  }

  std::string path_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Writer> writer_;
};

constexpr dlr_database_type kLevelDb = dlrun::database_type<LevelDb>();

}  // namespace

DLR_PLUGIN("org.dlrun.leveldb", "0.1.0", "",
           DLR_PROVIDE("dlrun.database/1", "LEVELDB", "sorted tables, Caffe's default", kLevelDb));
