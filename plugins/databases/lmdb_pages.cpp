// LMDB's data format 1, numbers as the machine has them:
//
//   page     byte 0: its number (64 bits); 10: flags (16); 12: end of the node offsets (16), or how
//            many overflow pages begin here (32); 16: the nodes' offsets (16 each)
//   header   pages 0 and 1, of which the one with the later transaction counts. Behind 16 bytes,
//            0: magic number (32); 4: version of the format (32); 24: bytes in a page (32);
//            72: the table; 120: the last page (64); 128: transaction (64)
//   table    4: flags (16); 6: depth of its tree (16); 32: entries (64); 40: root page (64)
//   node     0: the value's size, low and high half (16 each); 4: flags (16); 6: key's size (16);
//            8: key, then value, or for a big value the number (64) of the overflow page it is on.
//            In a branch the first three are the number of the page below.
#include "lmdb_pages.hpp"

#include <dlrun/error.hpp>

#include <cstring>

namespace {

constexpr uint64_t kPageHeader = 16;
constexpr uint64_t kNodeHeader = 8;
constexpr uint16_t kBranch = 1;
constexpr uint16_t kLeaf = 2;
constexpr uint16_t kOverflow = 4;
constexpr uint16_t kBigValue = 1;
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kVersion = 1;
constexpr uint64_t kHeaderBytes = 136;
constexpr uint64_t kLeastPageBytes = 256;
constexpr uint64_t kMostPageBytes = 65536;
constexpr uint64_t kMostDepth = 32;

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// The page below a branch's node.
uint64_t child_of(const char* node) {
  return load<uint16_t>(node) | uint64_t{load<uint16_t>(node + 2)} << 16 |
         uint64_t{load<uint16_t>(node + 4)} << 32;
}

}  // namespace

LmdbPages::LmdbPages(std::string_view file, const std::string& path) : file_(file), path_(path) {
  const char* newest = header(0);
  if (newest == nullptr) fail("it is no LMDB or its header is corrupt; make it anew");
  page_bytes_ = load<uint32_t>(newest + 24);
  if (page_bytes_ < kLeastPageBytes || page_bytes_ > kMostPageBytes) fail_corrupt("its header");
  const char* other = header(1);
  if (other == nullptr) fail_corrupt("its second header");
  if (load<uint64_t>(other + 128) > load<uint64_t>(newest + 128)) newest = other;
  read_table(newest);
  first();
}

const char* LmdbPages::header(uint64_t which) const {
  const uint64_t at = which * page_bytes_ + kPageHeader;
  if (at + kHeaderBytes > file_.size()) return nullptr;
  const char* header = file_.data() + at;
  const bool is_header = load<uint32_t>(header) == kMagic && load<uint32_t>(header + 4) == kVersion;
  return is_header ? header : nullptr;
}

void LmdbPages::read_table(const char* header) {
  const uint64_t last_page = load<uint64_t>(header + 120);
  pages_ = file_.size() / page_bytes_;
  if (last_page >= pages_) {
    fail("its data.mdb is cut off: it has " + std::to_string(pages_) + " pages, and its last is " +
         std::to_string(last_page) + "; copy or make it anew");
  }
  const char* table = header + 72;
  if (load<uint16_t>(table + 4) != 0) {
    fail("its keys are numbers or repeat themselves, which dlrun doesn't read");
  }
  depth_ = load<uint16_t>(table + 6);
  entries_ = load<uint64_t>(table + 32);
  root_ = load<uint64_t>(table + 40);
  if (depth_ > kMostDepth || (depth_ == 0 && entries_ != 0)) fail_corrupt("its header");
}

void LmdbPages::fail(const std::string& what) const {
  throw dlrun::Error("LMDB '" + path_ + "': " + what, DLR_IO_ERROR);
}

void LmdbPages::fail_corrupt(const std::string& what) const {
  fail("it is corrupt (" + what + "); make it anew");
}

const char* LmdbPages::page(uint64_t number) const {
  if (number >= pages_) fail_corrupt("page " + std::to_string(number) + " doesn't exist");
  const char* page = file_.data() + number * page_bytes_;
  if (load<uint64_t>(page) != number) fail_corrupt("page " + std::to_string(number));
  return page;
}

void LmdbPages::descend(uint64_t number) {
  const char* page = this->page(number);
  const uint16_t expected = levels_.size() + 1 == depth_ ? kLeaf : kBranch;
  const uint64_t end = load<uint16_t>(page + 12);
  if (load<uint16_t>(page + 10) != expected || end < kPageHeader || end > page_bytes_) {
    fail_corrupt("page " + std::to_string(number));
  }
  levels_.push_back({page, (end - kPageHeader) / 2, 0});
}

const char* LmdbPages::node(const Level& level, uint64_t least) const {
  const uint64_t offset = load<uint16_t>(level.page + kPageHeader + 2 * level.at);
  if (offset < kPageHeader || offset + least > page_bytes_) {
    fail_corrupt("page " + std::to_string(load<uint64_t>(level.page)));
  }
  return level.page + offset;
}

std::string_view LmdbPages::value_of(const char* node, uint64_t key_bytes) const {
  const uint64_t bytes = load<uint16_t>(node) | uint64_t{load<uint16_t>(node + 2)} << 16;
  const uint16_t flags = load<uint16_t>(node + 4);
  const char* value = node + kNodeHeader + key_bytes;
  const Level& leaf = levels_.back();
  if (flags == 0) {
    this->node(leaf, kNodeHeader + key_bytes + bytes);
    return {value, bytes};
  }
  this->node(leaf, kNodeHeader + key_bytes + sizeof(uint64_t));
  if (flags != kBigValue) fail_corrupt("an entry is no plain value");
  const uint64_t number = load<uint64_t>(value);
  const char* first = page(number);
  const uint64_t pages = load<uint32_t>(first + 12);
  if (load<uint16_t>(first + 10) != kOverflow || pages > pages_ - number ||
      kPageHeader + bytes > pages * page_bytes_) {
    fail_corrupt("page " + std::to_string(number));
  }
  return {first + kPageHeader, bytes};
}

void LmdbPages::first() {
  levels_.clear();
  visited_ = 0;
  if (entries_ != 0) descend(root_);
}

bool LmdbPages::next(std::string_view& key, std::string_view& value) {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.at == level.nodes) {
      levels_.pop_back();
      continue;
    }
    const char* node = this->node(level, kNodeHeader);
    if (levels_.size() < depth_) {
      ++level.at;
      descend(child_of(node));
      continue;
    }
    if (++visited_ > entries_) fail_corrupt("more entries than it counts");
    const uint64_t key_bytes = load<uint16_t>(node + 6);
    value = value_of(node, key_bytes);
    key = {node + kNodeHeader, key_bytes};
    ++level.at;
    return true;
  }
  if (visited_ != entries_) fail_corrupt("fewer entries than it counts");
  return false;
}
