// Buffers that follow the data: the elements of one value of a net, and where current copies of
// them are.
//
// A buffer has a version, and a copy for each (place, layout) that somebody asked for, stamped with
// the version it holds. Reading makes a current copy of the wanted kind and keeps the others;
// writing leaves only the written one current. Nothing moves otherwise. Buffers whose lives don't
// overlap share the memory of one slot.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <dlrun/abi.h>

#include "core/memory/device.hpp"
#include "core/memory/traffic.hpp"

namespace dlrun::memory {

// Where a copy lies and how: plain copies of all devices that work in host memory are one and the
// same.
struct Residence {
  Device* place = nullptr;  // the host device for plain copies in host memory
  dlr_tensor_desc
      desc{};  // shape and layout as its user sees it; the shape matters to private layouts only
};

class Buffer;

// Memory that several buffers use in turn: the n-th copy of each lies in the n-th block.
class Slot {
 public:
  Slot() = default;
  ~Slot();
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  struct Block {
    Device* device;
    dlr_mem mem;
    Buffer* tenant;            // whose copy it holds now
    Device* reader = nullptr;  // in host memory: what may still be copying from it
  };
  // A block of at least `bytes` on the device that isn't another copy of `tenant`; taken from
  // whoever had it.
  Block& block(Device& device, uint64_t bytes, Buffer& tenant);
  void forget(const Buffer& tenant);
  // A copy from a block, in host memory, was issued to a device.
  static void note_reader(Block& block, Device& reader) noexcept;
  // Before a block's contents change.
  static void wait_for_reader(Block& block) noexcept;
  uint64_t bytes() const;  // allocated now, on all devices

 private:
  std::vector<std::unique_ptr<Block>> blocks_;
};

class Buffer {
 public:
  // `slot` may be shared; `meter` counts what moves. Both outlive the buffer.
  Buffer(Device& host_device, Slot& slot, TrafficMeter& meter);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // Memory with the elements as `access` (DLR_READ, ...) wants them. Values never written are
  // zeros.
  dlr_mem use(const Residence& residence, uint32_t access);
  // Whether a copy of that kind is current, so that reading it would move nothing.
  bool is_current(const Residence& residence) const;
  // The private layouts on `device` of which there is a current copy; at most `most`, returns how
  // many.
  int current_private(const Device& device, const dlr_tensor_desc** out, int most) const;

 private:
  struct Copy {
    Residence residence;
    Slot::Block* block;
    uint64_t version;
  };

  Copy* find(const Residence& residence);
  const Copy* find(const Residence& residence) const;
  Copy& find_or_make(const Residence& residence);
  bool holds_current(const Copy& copy) const;
  void ensure_block(Copy& copy);
  void fill_from_current(Copy& to);
  void move(Copy& from, Copy& to);

  Device& host_device_;
  Slot& slot_;
  TrafficMeter& meter_;
  std::vector<std::unique_ptr<Copy>> copies_;
  uint64_t version_ = 0;  // 0: never written, all zeros
};

}  // namespace dlrun::memory

// A tensor as layers hold it: a shape over a buffer. Several tensors may view one buffer.
struct dlr_tensor {
  dlr_tensor_desc desc;
  dlrun::memory::Buffer* buffer;
};
