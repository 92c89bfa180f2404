#include "core/memory/buffer.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace dlrun::memory {

Slot::~Slot() {
  for (const auto& block : blocks_) {
    wait_for_reader(*block);
    block->device->release(block->mem);
  }
}

// One is remembered: another device's copy is waited for first.
void Slot::note_reader(Block& block, Device& reader) noexcept {
  if (block.reader != &reader) wait_for_reader(block);
  block.reader = &reader;
}

void Slot::wait_for_reader(Block& block) noexcept {
  if (block.reader != nullptr) block.reader->settle();
  block.reader = nullptr;
}

Slot::Block& Slot::block(Device& device, uint64_t bytes, Buffer& tenant) {
  const uint64_t wanted = std::max<uint64_t>(bytes, 1);
  Block* chosen = nullptr;
  for (const auto& block : blocks_) {
    if (block->device != &device || block->tenant == &tenant) continue;
    if (chosen == nullptr || (chosen->mem.bytes < wanted && block->mem.bytes > chosen->mem.bytes)) {
      chosen = block.get();
    }
  }
  if (chosen == nullptr) {
    blocks_.push_back(std::make_unique<Block>(Block{&device, {}, nullptr}));
    chosen = blocks_.back().get();
  }
  if (chosen->mem.bytes < wanted) {
    wait_for_reader(*chosen);
    chosen->tenant = nullptr;  // should the allocation fail, nobody may think to have a copy here
    device.release(chosen->mem);
    chosen->mem = {};
    chosen->mem = device.allocate(wanted);
  }
  chosen->tenant = &tenant;
  return *chosen;
}

void Slot::forget(const Buffer& tenant) {
  for (const auto& block : blocks_) {
    if (block->tenant == &tenant) block->tenant = nullptr;
  }
}

uint64_t Slot::bytes() const {
  uint64_t sum = 0;
  for (const auto& block : blocks_)
    sum += block->mem.bytes;
  return sum;
}

namespace {

bool is_private(const Residence& residence) {
  return residence.desc.layout != DLR_LAYOUT_PLAIN;
}

bool same_kind(const Residence& a, const Residence& b) {
  if (a.place != b.place || a.desc.layout != b.desc.layout) return false;
  return !is_private(a) || same_shape(a.desc, b.desc);
}

}  // namespace

Buffer::Buffer(Device& host_device, Slot& slot, TrafficMeter& meter)
    : host_device_(host_device), slot_(slot), meter_(meter) {}

Buffer::~Buffer() {
  slot_.forget(*this);
}

Buffer::Copy* Buffer::find(const Residence& residence) {
  for (const auto& copy : copies_) {
    if (same_kind(copy->residence, residence)) return copy.get();
  }
  return nullptr;
}

const Buffer::Copy* Buffer::find(const Residence& residence) const {
  return const_cast<Buffer*>(this)->find(residence);
}

Buffer::Copy& Buffer::find_or_make(const Residence& residence) {
  if (Copy* found = find(residence)) return *found;
  copies_.push_back(std::make_unique<Copy>(Copy{residence, nullptr, 0}));
  return *copies_.back();
}

bool Buffer::holds_current(const Copy& copy) const {
  return version_ > 0 && copy.version == version_ && copy.block != nullptr &&
         copy.block->tenant == this;
}

bool Buffer::is_current(const Residence& residence) const {
  const Copy* copy = find(residence);
  return copy != nullptr && holds_current(*copy);
}

int Buffer::current_private(const Device& device, const dlr_tensor_desc** out, int most) const {
  int n = 0;
  for (const auto& copy : copies_) {
    if (n < most && is_private(copy->residence) && copy->residence.place == &device &&
        holds_current(*copy)) {
      out[n++] = &copy->residence.desc;
    }
  }
  return n;
}

dlr_mem Buffer::use(const Residence& residence, uint32_t access) {
  Copy& copy = find_or_make(residence);
  if (access == DLR_WRITE) {
    ensure_block(copy);
  } else if (!holds_current(copy)) {
    fill_from_current(copy);
  }
  if (access != DLR_READ) {
    Slot::wait_for_reader(*copy.block);
    copy.version = ++version_;
  }
  dlr_mem mem = copy.block->mem;
  mem.bytes = residence.place->layout_bytes(copy.residence.desc);
  return mem;
}

void Buffer::ensure_block(Copy& copy) {
  const uint64_t bytes = copy.residence.place->layout_bytes(copy.residence.desc);
  if (copy.block != nullptr && copy.block->tenant == this && copy.block->mem.bytes >= bytes) return;
  copy.block = &slot_.block(*copy.residence.place, bytes, *this);
  copy.version = 0;
}

void Buffer::fill_from_current(Copy& to) {
  ensure_block(to);
  Slot::wait_for_reader(*to.block);
  Copy* from = nullptr;
  for (const auto& copy : copies_) {
    if (copy.get() == &to || !holds_current(*copy)) continue;
    // The cheapest way: from the same place, else from a plain copy.
    const bool better =
        from == nullptr || copy->residence.place == to.residence.place ||
        (from->residence.place != to.residence.place && !is_private(copy->residence));
    if (better) from = copy.get();
  }
  if (from == nullptr) {
    if (version_ > 0)
      base::fail_work("internal error: a value is read after its memory was given to another one");
    to.residence.place->zero(to.block->mem, to.block->mem.bytes);
    version_ = 1;
  } else {
    move(*from, to);
  }
  to.version = version_;
}

// private -> plain on the owner -> host -> device -> private, as far as the two ends need it.
void Buffer::move(Copy& from, Copy& to) {
  const Residence& a = from.residence;
  const Residence& b = to.residence;
  const bool same_device =
      a.place == b.place || (a.place->works_in_host_memory() && b.place->works_in_host_memory());
  if (!is_private(a) && !is_private(b)) {
    const uint64_t bytes = plain_bytes(b.desc);
    Device& mover = a.place->works_in_host_memory() ? *b.place : *a.place;
    if (!a.place->works_in_host_memory() && !b.place->works_in_host_memory()) {
      fill_from_current(find_or_make({&host_device_, b.desc}));
      return move(*find({&host_device_, b.desc}), to);
    }
    mover.copy(to.block->mem, from.block->mem, bytes);
    const bool to_host = b.place->works_in_host_memory();
    if (!to_host) Slot::note_reader(*from.block, mover);
    meter_.count(*this, to_host ? MoveKind::kToHost : MoveKind::kToDevice, bytes);
    return;
  }
  // One reorder does it between the plain and the private layout of one device, or two private ones
  // of one shape.
  Device& owner = is_private(b) ? *b.place : *a.place;
  const bool one_owner =
      !is_private(a) || !is_private(b) || (a.place == b.place && same_shape(a.desc, b.desc));
  if (same_device && one_owner) {
    dlr_tensor_desc from_desc = a.desc;
    dlr_tensor_desc to_desc = b.desc;
    if (!is_private(a)) from_desc = to_desc, from_desc.layout = DLR_LAYOUT_PLAIN;
    if (!is_private(b)) to_desc = from_desc, to_desc.layout = DLR_LAYOUT_PLAIN;
    owner.reorder(from_desc, from.block->mem, to_desc, to.block->mem);
    meter_.count(*this, MoveKind::kConversion, plain_bytes(b.desc));
    return;
  }
  // Through a plain copy beside the private end.
  Residence between = is_private(a) ? a : b;
  between.desc.layout = DLR_LAYOUT_PLAIN;
  if (between.place->works_in_host_memory()) between.place = &host_device_;
  Copy& plain = find_or_make(between);
  if (!holds_current(plain)) {
    ensure_block(plain);
    move(from, plain);
    plain.version = version_;
  }
  move(plain, to);
}

}  // namespace dlrun::memory
