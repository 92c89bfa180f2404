// LMDB databases: a folder with one memory-mapped file, data.mdb.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "lmdb_pages.hpp"

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw dlrun::Error("LMDB '" + path + "': " + what, DLR_IO_ERROR);
}

void check(int status, const std::string& path, const char* doing) {
  if (status == MDB_SUCCESS) return;
  fail(path, std::string(doing) + ": " + mdb_strerror(status));
}

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

uint64_t file_bytes(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

struct CloseEnvironment {
  void operator()(MDB_env* environment) const { mdb_env_close(environment); }
};
struct AbortTransaction {
  void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
};
using Environment = std::unique_ptr<MDB_env, CloseEnvironment>;
using Transaction = std::unique_ptr<MDB_txn, AbortTransaction>;

Environment open_environment(const std::string& path) {
  MDB_env* environment = nullptr;
  check(mdb_env_create(&environment), path, "can't be opened");
  Environment owner(environment);
  check(mdb_env_open(environment, path.c_str(), MDB_NOTLS, 0664), path, "can't be opened");
  return owner;
}

Transaction begin(const Environment& environment, const std::string& path) {
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment.get(), nullptr, 0, &transaction), path, "can't be written");
  return Transaction(transaction);
}

MDB_dbi open_table(const Transaction& transaction, const std::string& path) {
  MDB_dbi table = 0;
  check(mdb_dbi_open(transaction.get(), nullptr, 0, &table), path, "can't be written");
  return table;
}

MDB_val to_value(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

// A file in memory, for reading.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file >= 0 && fstat(file, &status) == 0) {
      bytes_ = static_cast<uint64_t>(status.st_size);
      data_ = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file, 0);
    }
    const int reason = errno;
    if (file >= 0) close(file);
    if (data_ == MAP_FAILED) fail(path, std::string("can't be read: ") + std::strerror(reason));
  }
  ~MappedFile() { munmap(data_, bytes_); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view contents() const { return {static_cast<const char*>(data_), bytes_}; }

 private:
  void* data_ = MAP_FAILED;
  uint64_t bytes_ = 0;
};

// Reads without LMDB's lock file, so that a folder that can't be written to will do and several
// nets of one process may read one database (LMDB's locks forbid that); it mustn't be written to
// meanwhile.
class Reader {
 public:
  explicit Reader(const std::string& path) {
    if (!exists(path))
      fail(path, "there is no such folder; check the path, or make it with `dlrun convert`");
    if (exists(path + "/CURRENT")) fail(path, "this is a LevelDB; set backend: LEVELDB");
    if (!exists(path + "/data.mdb")) fail(path, "there is no data.mdb in it, so it is no LMDB");
    if (file_bytes(path + "/data.mdb") == 0) fail(path, "its data.mdb is empty; make it anew");
    file_ = std::make_unique<MappedFile>(path + "/data.mdb");
    pages_ = std::make_unique<LmdbPages>(file_->contents(), path);
  }

  uint64_t count() { return pages_->count(); }
  void first() { pages_->first(); }
  bool next(std::string_view& key, std::string_view& value) { return pages_->next(key, value); }

 private:
  std::unique_ptr<MappedFile> file_;
  std::unique_ptr<LmdbPages> pages_;
};

// Collects entries and writes many in one transaction, because each one waits for the disk.
class Writer {
 public:
  explicit Writer(const std::string& path) : path_(path) {
    if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
      fail(path, std::string("its folder can't be made: ") + std::strerror(errno));
    }
    if (exists(path + "/data.mdb"))
      fail(path, "it exists already; remove it first or choose another path");
    environment_ = open_environment(path);
    check(mdb_env_set_mapsize(environment_.get(), map_bytes_), path, "can't be sized");
  }

  void put(std::string_view key, std::string_view value) {
    pending_.emplace_back(key, value);
    pending_bytes_ += key.size() + value.size();
    constexpr uint64_t kBatchBytes = uint64_t{16} << 20;
    if (pending_bytes_ >= kBatchBytes) commit();
  }

  void commit() {
    while (!try_commit()) {
      map_bytes_ *= 2;
      check(mdb_env_set_mapsize(environment_.get(), map_bytes_), path_, "can't grow");
    }
    pending_.clear();
    pending_bytes_ = 0;
  }

 private:
  // False when the map is too small for what is pending.
  bool try_commit() {
    Transaction transaction = begin(environment_, path_);
    const MDB_dbi table = open_table(transaction, path_);
    for (const auto& [key, value] : pending_) {
      MDB_val k = to_value(key);
      MDB_val v = to_value(value);
      const int status = mdb_put(transaction.get(), table, &k, &v, 0);
      if (status == MDB_MAP_FULL) return false;
      check(status, path_, "can't be written");
    }
    const int status = mdb_txn_commit(transaction.release());
    if (status == MDB_MAP_FULL) return false;
    check(status, path_, "can't be written");
    return true;
  }

  std::string path_;
  Environment environment_;
  uint64_t map_bytes_ = uint64_t{64} << 20;
  std::vector<std::pair<std::string, std::string>> pending_;
  uint64_t pending_bytes_ = 0;
};

// A database is read or written, never both.
class Lmdb : public dlrun::Database {
 public:
  Lmdb(const std::string& path, bool create) : path_(path) {
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

constexpr dlr_database_type kLmdb = dlrun::database_type<Lmdb>();

}  // namespace

DLR_PLUGIN("org.dlrun.lmdb", "0.1.0", "",
           DLR_PROVIDE("dlrun.database/1", "LMDB", "memory-mapped databases", kLmdb));
