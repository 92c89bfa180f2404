// LMDB databases: a folder with one memory-mapped file, data.mdb.
#include <lmdb.h>
#include <sys/stat.h>
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw dlrun::Error("LMDB '" + path + "': " + what, DLR_IO_ERROR);
}

void check(int status, const std::string& path, const char* doing) {
  if (status == MDB_SUCCESS) return;
  if (status == MDB_INVALID || status == MDB_CORRUPTED || status == MDB_PAGE_NOTFOUND ||
      status == MDB_VERSION_MISMATCH) {
    fail(path,
         std::string("it is corrupt or no LMDB (") + mdb_strerror(status) + "); make it anew");
  }
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
struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};
using Environment = std::unique_ptr<MDB_env, CloseEnvironment>;
using Transaction = std::unique_ptr<MDB_txn, AbortTransaction>;
using Cursor = std::unique_ptr<MDB_cursor, CloseCursor>;

Environment open_environment(const std::string& path, unsigned flags) {
  MDB_env* environment = nullptr;
  check(mdb_env_create(&environment), path, "can't be opened");
  Environment owner(environment);
  check(mdb_env_open(environment, path.c_str(), flags, 0664), path, "can't be opened");
  return owner;
}

Transaction begin(const Environment& environment, const std::string& path, unsigned flags) {
  MDB_txn* transaction = nullptr;
  check(mdb_txn_begin(environment.get(), nullptr, flags, &transaction), path, "can't be read");
  return Transaction(transaction);
}

MDB_dbi open_table(const Transaction& transaction, const std::string& path) {
  MDB_dbi table = 0;
  check(mdb_dbi_open(transaction.get(), nullptr, 0, &table), path, "can't be read");
  return table;
}

MDB_val to_value(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Reads one snapshot of the database. Without LMDB's lock file, so that a folder that can't be
// written to will do and several nets of one process may read one database (LMDB's locks forbid
// that); it mustn't be written to meanwhile.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    if (!exists(path))
      fail(path, "there is no such folder; check the path, or make it with `dlrun convert`");
    if (exists(path + "/CURRENT")) fail(path, "this is a LevelDB; set backend: LEVELDB");
    if (!exists(path + "/data.mdb")) fail(path, "there is no data.mdb in it, so it is no LMDB");
    if (file_bytes(path + "/data.mdb") == 0) fail(path, "its data.mdb is empty; make it anew");
    environment_ = open_environment(path, MDB_RDONLY | MDB_NOTLS | MDB_NOLOCK);
    check_size();
    transaction_ = begin(environment_, path, MDB_RDONLY);
    table_ = open_table(transaction_, path);
    MDB_cursor* cursor = nullptr;
    check(mdb_cursor_open(transaction_.get(), table_, &cursor), path, "can't be read");
    cursor_.reset(cursor);
  }

  uint64_t count() {
    MDB_stat statistics{};
    check(mdb_stat(transaction_.get(), table_, &statistics), path_, "can't be read");
    return statistics.ms_entries;
  }

  void first() { step_ = MDB_FIRST; }

  bool next(std::string_view& key, std::string_view& value) {
    MDB_val k{};
    MDB_val v{};
    const int status = mdb_cursor_get(cursor_.get(), &k, &v, step_);
    if (status == MDB_NOTFOUND) return false;
    check(status, path_, "can't be read");
    step_ = MDB_NEXT;
    key = within_file(k);
    value = within_file(v);
    return true;
  }

 private:
  // Touching mapped pages behind the end of a file that was cut off would kill the process.
  void check_size() {
    MDB_stat statistics{};
    MDB_envinfo info{};
    check(mdb_env_stat(environment_.get(), &statistics), path_, "can't be read");
    check(mdb_env_info(environment_.get(), &info), path_, "can't be read");
    bytes_ = file_bytes(path_ + "/data.mdb");
    map_ = static_cast<const char*>(info.me_mapaddr);
    const uint64_t needed = (static_cast<uint64_t>(info.me_last_pgno) + 1) * statistics.ms_psize;
    if (bytes_ < needed) {
      fail(path_, "its data.mdb is cut off: " + std::to_string(bytes_) + " bytes of " +
                      std::to_string(needed) + "; copy or make it anew");
    }
  }

  std::string_view within_file(const MDB_val& value) const {
    const std::string_view view = to_view(value);
    if (map_ != nullptr && (view.data() < map_ || view.size() > bytes_ ||
                            static_cast<uint64_t>(view.data() - map_) > bytes_ - view.size())) {
      fail(path_, "it is corrupt: an entry lies outside of its file; make it anew");
    }
    return view;
  }

  std::string path_;
  Environment environment_;
  Transaction transaction_;
  Cursor cursor_;
  MDB_dbi table_ = 0;
  MDB_cursor_op step_ = MDB_FIRST;
  const char* map_ = nullptr;
  uint64_t bytes_ = 0;  // of data.mdb
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
    environment_ = open_environment(path, MDB_NOTLS);
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
    Transaction transaction = begin(environment_, path_, 0);
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
