// The device's memory: pages that nobody may touch but a running command, NaN on both sides of every
// piece, and handles that are no addresses.
#pragma once

#include <dlrun/error.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace dlrun::strict {

// Memory as a command sees it while it runs.
struct Span {
  char* data = nullptr;
  uint64_t bytes = 0;

  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
};

class Memory {
 public:
  Memory(uint64_t space, uint64_t capacity, uint64_t seed);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Begins as NaN, at an offset of its handle that isn't 0.
  dlr_mem allocate(uint64_t bytes);
  // What is wrong with releasing it; "" when nothing is.
  std::string release(const dlr_mem& mem);
  // Throws unless `bytes` from the memory's begin on are this device's, or the host's when `host_too`.
  void require(const dlr_mem& mem, uint64_t bytes, bool host_too) const;
  uint64_t pieces() const { return pieces_.size(); }
  uint64_t bytes() const { return used_; }

 private:
  friend class Opened;
  struct Piece {
    char* pages;
    uint64_t mapped;
    uint64_t offset;  // of the first byte that is its owner's
    uint64_t bytes;
    int opened = 0;
  };
  const Piece& find(const dlr_mem& mem) const;
  void protect(Piece& piece, bool open);
  bool borders_are_whole(const Piece& piece) const;

  uint64_t space_;
  uint64_t capacity_;
  uint64_t used_ = 0;
  uint64_t next_handle_;
  std::mt19937_64 random_;
  std::map<uint64_t, Piece> pieces_;
};

// The memories of one command, accessible while it lives.
class Opened {
 public:
  Opened(Memory& memory, const std::vector<dlr_mem>& mems);
  ~Opened();
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  const std::vector<Span>& spans() const { return spans_; }
  // Throws when something was written beside a piece.
  void require_borders(const char* what) const;

 private:
  Memory& memory_;
  std::vector<Memory::Piece*> pieces_;
  std::vector<Span> spans_;
};

}  // namespace dlrun::strict
