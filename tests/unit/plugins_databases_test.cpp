// Databases: what is put comes back in key order, and every way of being broken is one clear error.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/plugin_bench.hpp"
#include "tests/unit/roots.hpp"

namespace {

namespace fs = std::filesystem;
using dlrun::test::failure_of;
using dlrun::test::PluginBench;
using dlrun::test::TemporaryFolder;

struct Kind {
  const char* library;
  const char* name;
};

// The kinds of this build.
std::vector<Kind> kinds() {
  std::vector<Kind> kinds = {{"database_lmdb", "LMDB"}};
  if (fs::exists(dlrun::test::build_root() + "/plugins/database_leveldb.so"))
    kinds.push_back({"database_leveldb", "LEVELDB"});
  return kinds;
}

class Database {
 public:
  Database(const Kind& kind, const std::string& path, bool create)
      : bench_({kind.library}), type_(bench_.type<dlr_database_type>("database", kind.name)) {
    dlrun::host::check(type_.open(dlrun::host::to_abi(path), create, &self_));
  }
  ~Database() { type_.close(self_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void put(const std::string& key, const std::string& value) {
    dlrun::host::check(type_.put(self_, dlrun::host::to_abi(key), dlrun::host::to_abi(value)));
  }
  void commit() { dlrun::host::check(type_.commit(self_)); }
  uint64_t count() {
    uint64_t count = 0;
    dlrun::host::check(type_.count(self_, &count));
    return count;
  }
  void first() { dlrun::host::check(type_.first(self_)); }
  // "key=value", or "" behind the last.
  std::string next() {
    dlr_string key{};
    dlr_string value{};
    uint8_t at_end = 0;
    dlrun::host::check(type_.next(self_, &key, &value, &at_end));
    if (at_end != 0) return "";
    return std::string(dlrun::host::from_abi(key)) + "=" +
           std::string(dlrun::host::from_abi(value));
  }

 private:
  PluginBench bench_;
  const dlr_database_type& type_;
  void* self_ = nullptr;
};

void make(const Kind& kind, const std::string& path, int entries) {
  Database database(kind, path, true);
  for (int i = 0; i < entries; ++i)
    database.put("key" + std::to_string(100000 + i), std::string(1000, 'v'));
  database.commit();
}

// Why reading it from front to end fails.
std::string reading_failure(const Kind& kind, const std::string& path) {
  return failure_of([&] {
    Database database(kind, path, false);
    database.count();
    database.first();
    while (!database.next().empty()) {
    }
  });
}

std::set<std::string> listing(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string() + ":" + std::to_string(entry.file_size()));
  }
  return names;
}

void keep_first_bytes(const fs::path& file, uint64_t bytes) {
  fs::resize_file(file, bytes);
}

// The one big file of a database.
fs::path largest_file(const std::string& folder) {
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (largest.empty() || entry.file_size() > fs::file_size(largest)) largest = entry.path();
  }
  return largest;
}

}  // namespace

TEST_CASE("what was put comes back in the order of the keys, as often as asked") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    {
      Database database(kind, folder.file("db"), true);
      database.put("b", "2");
      database.put("c", "");
      database.commit();
      database.put("a", std::string("1\0x", 3));
      database.commit();
    }
    Database database(kind, folder.file("db"), false);
    CHECK(database.count() == 3);
    for (int round = 0; round < 2; ++round) {
      database.first();
      CHECK(database.next() == std::string("a=1\0x", 5));
      CHECK(database.next() == "b=2");
      CHECK(database.next() == "c=");
      CHECK(database.next().empty());
      CHECK(database.next().empty());
    }
  }
}

TEST_CASE("a database outgrows its first map") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    const std::string value(1 << 20, 'x');
    {
      Database database(kind, folder.file("db"), true);
      for (int i = 0; i < 150; ++i)
        database.put(std::to_string(1000 + i), value);  // LMDB's map begins at 64 MiB
      database.commit();
    }
    Database database(kind, folder.file("db"), false);
    CHECK(database.count() == 150);
    database.first();
    CHECK(database.next() == "1000=" + value);
  }
}

TEST_CASE("reading changes nothing in the folder, and two can read at once") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    const std::string path = folder.file("db");
    make(kind, path, 100);
    const auto before = listing(path);
    {
      Database one(kind, path, false);
      Database other(kind, path, false);
      one.first();
      other.first();
      CHECK(one.next() == other.next());
      CHECK(one.count() == 100);
    }
    CHECK(listing(path) == before);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(reading_failure(kind, path).empty());
    fs::permissions(path, fs::perms::owner_all);
  }
}

TEST_CASE("an existing database isn't overwritten") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    make(kind, folder.file("db"), 1);
    CHECK(failure_of([&] { Database(kind, folder.file("db"), true); }).find(folder.file("db")) !=
          std::string::npos);
    CHECK(Database(kind, folder.file("db"), false).count() == 1);
  }
}

TEST_CASE("a missing, foreign, empty or broken database is an error that names it") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    const std::string missing = reading_failure(kind, folder.file("missing"));
    CHECK(missing.find(folder.file("missing") + "': there is no such folder") != std::string::npos);

    fs::create_directory(folder.path() / "nothing");
    CHECK(reading_failure(kind, folder.file("nothing")).find("so it is no L") != std::string::npos);
    CHECK(reading_failure(kind, folder.write("file", "text")).find("so it is no L") !=
          std::string::npos);

    const std::string broken = folder.file("broken");
    make(kind, broken, 2000);
    keep_first_bytes(largest_file(broken), fs::file_size(largest_file(broken)) / 2);
    CHECK(reading_failure(kind, broken).find(broken) != std::string::npos);

    const std::string garbled = folder.file("garbled");
    make(kind, garbled, 10);
    const fs::path victim = kind.name == std::string("LMDB") ? fs::path(garbled) / "data.mdb"
                                                             : fs::path(garbled) / "CURRENT";
    std::ofstream(victim, std::ios::binary) << std::string(100000, '#');
    CHECK(reading_failure(kind, garbled).find(garbled) != std::string::npos);
    std::ofstream(victim, std::ios::binary | std::ios::trunc).flush();
    CHECK(reading_failure(kind, garbled).find(garbled) != std::string::npos);
  }
}

TEST_CASE("damage anywhere is an error that names the database, or harmless") {
  for (const Kind& kind : kinds()) {
    CAPTURE(std::string(kind.name));
    TemporaryFolder folder;
    const std::string whole = folder.file("whole");
    make(kind, whole, 300);
    int errors = 0;
    for (uint32_t round = 0; round < 100; ++round) {
      CAPTURE(round);
      const std::string path = folder.file("damaged");
      fs::copy(whole, path);
      std::fstream file(largest_file(path), std::ios::in | std::ios::out | std::ios::binary);
      const uint64_t bytes = fs::file_size(largest_file(path));
      // Anywhere, or within the first bytes of a page, where the numbers are.
      const uint64_t anywhere = round * 2654435761u % bytes;
      const uint64_t at = round % 2 == 0 ? anywhere : anywhere / 4096 * 4096 + round % 64;
      file.seekp(static_cast<std::streamoff>(at));
      file << std::string(1 + round % 5 * 40, static_cast<char>(round * 37));
      file.close();
      const std::string error = reading_failure(kind, path);
      CHECK((error.empty() || error.find(path) != std::string::npos));
      errors += !error.empty();
      fs::remove_all(path);
    }
    CHECK(errors > 10);
  }
}

TEST_CASE("the wrong backend is told apart") {
  if (kinds().size() < 2) return;
  TemporaryFolder folder;
  make(kinds()[0], folder.file("lmdb"), 1);
  make(kinds()[1], folder.file("leveldb"), 1);
  CHECK(reading_failure(kinds()[1], folder.file("lmdb")).find("set backend: LMDB") !=
        std::string::npos);
  CHECK(reading_failure(kinds()[0], folder.file("leveldb")).find("set backend: LEVELDB") !=
        std::string::npos);
}
