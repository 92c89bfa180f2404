// Rules B: databases. They have no parameters, so every one gets the same cases.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/temporary_folder.hpp"
#include "core/conform/data/damage.hpp"
#include "core/conform/data/database_subject.hpp"
#include "core/conform/data/sample_files.hpp"
#include "core/conform/faults.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"

namespace dlrun::conform {
namespace {

namespace fs = std::filesystem;
using Entries = std::map<std::string, std::string>;  // in the order of their keys, byte by byte

// Of many sizes, with bytes of every value.
Entries entries(int n) {
  Entries made;
  for (int i = 0; i < n; ++i) {
    std::string key = fmt::format("{:02}", i * 37 % n);
    key.push_back(static_cast<char>(i * 89));
    const std::size_t bytes = i % 10 == 3 ? 70000 : static_cast<std::size_t>(i % 7) * 11;
    std::string value;
    for (std::size_t k = 0; k < bytes; ++k)
      value.push_back(static_cast<char>(static_cast<std::size_t>(i) * 7 + k));
    made[key] = value;
  }
  return made;
}

std::string printable(const std::string& bytes) {
  constexpr std::size_t kMost = 12;
  std::string text;
  for (const char byte : bytes.substr(0, kMost))
    text += byte >= ' ' && byte <= '~' ? std::string(1, byte)
                                       : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return fmt::format("'{}'{}", text, bytes.size() > kMost ? "..." : "");
}

// One type of database, in a folder of its own.
class Place {
 public:
  explicit Place(const dlr_database_type& type) : type_(type) {}

  fs::path path() const { return folder_.path() / "database"; }
  const fs::path& folder() const { return folder_.path(); }
  std::unique_ptr<DatabaseSubject> open(bool create = false) const { return open(path(), create); }
  std::unique_ptr<DatabaseSubject> open(const fs::path& at, bool create) const {
    return std::make_unique<DatabaseSubject>(type_, at, create);
  }
  // Puts in an order that isn't the keys', in two transactions.
  void write(const Entries& all) const {
    const auto database = open(true);
    std::size_t n = 0;
    for (const bool odd : {true, false}) {
      for (auto entry = all.rbegin(); entry != all.rend(); ++entry) {
        if ((++n % 2 == 1) == odd) database->put(entry->first, entry->second);
      }
      database->commit();
      n = 0;
    }
  }

 private:
  const dlr_database_type& type_;
  base::TemporaryFolder folder_;
};

void require_entry(DatabaseSubject& database, const Entries::value_type& expected,
                   const std::string& where) {
  const auto found = database.next();
  if (!found) fail(where + " it ends", printable(expected.first));
  if (found->first != expected.first)
    fail(fmt::format("{} key {}", where, printable(found->first)), printable(expected.first));
  if (found->second != expected.second)
    fail(fmt::format("{} key {} has a value of {} bytes, {}", where, printable(found->first),
                     found->second.size(), printable(found->second)),
         fmt::format("{} bytes, {}", expected.second.size(), printable(expected.second)));
}

void require_entries(DatabaseSubject& database, const Entries& expected, const std::string& when) {
  int i = 0;
  for (const auto& entry : expected)
    require_entry(database, entry, fmt::format("{}, entry {}:", when, i++));
  if (const auto more = database.next())
    fail(fmt::format("{}, behind the last entry: key {}", when, printable(more->first)), "the end");
}

void check_round_trip(const dlr_database_type& type) {
  for (const int n : {1, 2, 97}) {
    const Place place(type);
    const Entries all = entries(n);
    place.write(all);
    const auto database = place.open();
    require_entries(*database, all, "just opened");
    const uint64_t count = database->count();
    if (count != all.size()) fail(fmt::format("count is {}", count), fmt::format("{}", all.size()));
  }
}

void check_cursor(const dlr_database_type& type) {
  const Place place(type);
  const Entries all = entries(9);
  place.write(all);
  const auto database = place.open();
  require_entry(*database, *all.begin(), "just opened,");
  require_entry(*database, *std::next(all.begin()), "then");
  database->count();
  require_entry(*database, *std::next(all.begin(), 2), "behind count,");
  for (int round = 0; round < 2; ++round) {
    database->first();
    require_entries(*database, all, "behind first");
    if (const auto more = database->next())
      fail(fmt::format("next, asked again at the end, gives key {}", printable(more->first)),
           "the end");
  }
}

// False: an error.
bool reads(const Place& place) {
  try {
    const auto database = place.open();
    database->count();
    database->first();
    while (database->next()) {
    }
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

// False: an error.
bool makes(const Place& place, const fs::path& at) {
  try {
    place.open(at, true);
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

void check_existing(const dlr_database_type& type) {
  const Place place(type);
  place.write(entries(9));
  if (makes(place, place.path())) fail("a database was made where one is", "an error");
  require_entries(*place.open(), entries(9), "behind an attempt to make it anew");
}

void check_wrong_paths(const dlr_database_type& type) {
  const Place missing(type);
  if (reads(missing)) fail("a path where nothing is can be read", "an error");
  if (fs::exists(missing.path())) fail("reading a path where nothing is made something", "nothing");
  const Place nowhere(type);
  if (makes(nowhere, nowhere.folder() / "no" / "such"))
    fail("a database was made in a folder that isn't there", "an error");
  check_existing(type);
  for (const Damage& damage : damages()) {
    const Place example(type);
    example.write(entries(23));
    for (const fs::path& file : files_within(example.folder())) {
      const Place place(type);
      place.write(entries(23));
      if (fs::exists(place.folder() / file)) damage.apply(place.folder() / file);
      reads(place);
    }
  }
}

void check_uncommitted(const dlr_database_type& type) {
  const Place place(type);
  const Entries all = entries(12);
  const auto middle = std::next(all.begin(), 6);
  {
    const auto database = place.open(true);
    for (auto entry = all.begin(); entry != middle; ++entry)
      database->put(entry->first, entry->second);
    database->commit();
    for (auto entry = middle; entry != all.end(); ++entry)
      database->put(entry->first, entry->second);
  }
  require_entries(*place.open(), Entries(all.begin(), middle), "closed without a commit");
}

// Files below a folder, with what is in them.
Entries contents_within(const fs::path& folder) {
  Entries contents;
  for (const fs::path& file : files_within(folder))
    contents[file.string()] = base::read_file(folder / file);
  return contents;
}

void check_readers(const dlr_database_type& type) {
  const Place place(type);
  const Entries all = entries(23);
  place.write(all);
  const Entries before = contents_within(place.folder());
  {
    const auto one = place.open();
    const auto other = place.open();
    require_entry(*one, *all.begin(), "one of two readers,");
    require_entries(*other, all, "the other reader");
    require_entry(*one, *std::next(all.begin()), "the first reader again,");
  }
  const Entries now = contents_within(place.folder());
  for (const auto& [file, bytes] : now) {
    const auto old = before.find(file);
    if (old == before.end()) fail(fmt::format("reading made the file '{}'", file), "no new file");
    if (old->second != bytes) fail(fmt::format("reading changed '{}'", file), "the same bytes");
  }
  if (now.size() != before.size()) fail("reading removed a file", "all of them stay");
}

void check_leftovers(const dlr_database_type& type) {
  const Place place(type);
  place.write(entries(5));
  for (const auto& entry : fs::directory_iterator(place.folder())) {
    if (entry.path() != place.path())
      fail(fmt::format("'{}' lies beside the database", entry.path().filename().string()),
           "nothing outside its path");
  }
  constexpr int kRounds = 5;  // writing waits for the disk
  require_no_leak(
      [&] {
        fs::remove_all(place.path());
        place.write(entries(5));
        reads(place);
      },
      kRounds);
}

void check_errors(const dlr_database_type& type) {
  const Place place(type);
  require_errors_returned([&] {
    fs::remove_all(place.path());
    place.write(entries(5));
    require_entries(*place.open(), entries(5), "just opened");
  });
}

void check_threads(const dlr_database_type& type) {
  constexpr int kRounds = 4;  // writing waits for the disk
  require_independent(
      [&](int thread) {
        const Place place(type);
        place.write(entries(5 + thread));
        const auto database = place.open();
        std::string all;
        while (const auto entry = database->next())
          all += entry->first + entry->second;
        return all;
      },
      kRounds);
}

}  // namespace

void check_database(const Ground& ground, const std::string& name, Runner& runner) {
  const auto& type = ground.catalogue.get<dlr_database_type>("database", name, {}, "");
  const std::vector<Step> steps = {
      {"entries", "B1", [&] { check_round_trip(type); }},
      {"entries", "B2", [&] { check_cursor(type); }},
      {"readers", "B5", [&] { check_readers(type); }},
      {"entries", "B4", [&] { check_uncommitted(type); }},
      {"errors", "B3", [&] { check_wrong_paths(type); }},
      {"memory", "B6", [&] { check_leftovers(type); }},
      {"errors", "A12", [&] { check_errors(type); }},
      {"threads", "A13", [&] { check_threads(type); }},
  };
  runner.climb(name, steps);
}

}  // namespace dlrun::conform
