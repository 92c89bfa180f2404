// The entries of an LMDB's one unnamed table, read page by page with every offset checked: LMDB's
// own cursor trusts the file, and a damaged one would end the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

class LmdbPages {
 public:
  // The contents of a data.mdb; `path` is for messages. Throws dlrun::Error, as all functions do.
  LmdbPages(std::string_view file, const std::string& path);

  uint64_t count() const { return entries_; }
  void first();
  // The entry under the cursor, then a step; false behind the last.
  bool next(std::string_view& key, std::string_view& value);

 private:
  // A page of the tree and the node within it that is next.
  struct Level {
    const char* page;
    uint64_t nodes;
    uint64_t at;
  };

  // The header page `which` (0 or 1), or null when it is none.
  const char* header(uint64_t which) const;
  void read_table(const char* header);
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_corrupt(const std::string& what) const;
  const char* page(uint64_t number) const;
  void descend(uint64_t number);
  // The node at `at`, with `least` bytes from its beginning within the page.
  const char* node(const Level& level, uint64_t least) const;
  std::string_view value_of(const char* node, uint64_t key_bytes) const;

  std::string_view file_;
  std::string path_;
  uint64_t page_bytes_ = 0;
  uint64_t pages_ = 0;  // all of them lie within the file
  uint64_t entries_ = 0;
  uint64_t root_ = 0;
  uint64_t depth_ = 0;
  uint64_t visited_ = 0;
  std::vector<Level> levels_;  // from the root to a leaf
};
