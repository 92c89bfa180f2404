#include "core/model_io/wire.hpp"

#include <fmt/format.h>

namespace dlrun::model_io {
namespace {

constexpr unsigned kGroupBegin = 3;
constexpr unsigned kGroupEnd = 4;

uint64_t make_tag(uint32_t number, WireType type) {
  return uint64_t{number} << 3 | static_cast<uint64_t>(type);
}

}  // namespace

uint64_t WireReader::read_varint() {
  const uint64_t begin = position();
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_ == bytes_.size()) throw WireError(begin, "ends inside a number");
    const auto byte = static_cast<uint8_t>(bytes_[at_++]);
    if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80u) == 0) return value;
  }
  throw WireError(begin, "holds a number of more than ten bytes");
}

uint64_t WireReader::read_fixed(size_t size) {
  if (bytes_.size() - at_ < size) {
    throw WireError(position(), fmt::format("ends inside a number of {} bytes", size));
  }
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at_, size);
  at_ += size;
  return value;
}

void WireReader::read_value(WireField& field) {
  field.value = 0;
  field.bytes = {};
  field.content = position();
  switch (field.type) {
    case WireType::kVarint:
      field.value = read_varint();
      return;
    case WireType::kFixed64:
      field.value = read_fixed(8);
      return;
    case WireType::kFixed32:
      field.value = read_fixed(4);
      return;
    case WireType::kBytes:
      break;
  }
  const uint64_t length = read_varint();
  const uint64_t left = bytes_.size() - at_;
  if (length > left) {
    throw WireError(field.offset, fmt::format("field {} has {} bytes, but only {} are left",
                                              field.number, length, left));
  }
  field.content = position();
  field.bytes = bytes_.substr(at_, length);
  at_ += length;
}

bool WireReader::next(WireField& field) {
  unsigned group_depth =
      0;  // nothing inside a group is of interest, so its fields are only stepped over
  while (at_ < bytes_.size()) {
    field.offset = position();
    const uint64_t tag = read_varint();
    const auto type = static_cast<unsigned>(tag & 7);
    const uint64_t number = tag >> 3;
    if (number == 0 || number >= (uint64_t{1} << 29)) {
      throw WireError(field.offset,
                      fmt::format("has a field with the impossible number {}", number));
    }
    field.number = static_cast<uint32_t>(number);
    if (type == kGroupBegin) {
      ++group_depth;
    } else if (type == kGroupEnd) {
      if (group_depth-- == 0) throw WireError(field.offset, "ends a group that was not begun");
    } else if (type > static_cast<unsigned>(WireType::kFixed32)) {
      throw WireError(field.offset,
                      fmt::format("field {} has the unknown wire type {}", number, type));
    } else {
      field.type = static_cast<WireType>(type);
      read_value(field);
      if (group_depth == 0) return true;
    }
  }
  if (group_depth != 0) throw WireError(position(), "ends inside a group");
  return false;
}

bool WireReader::next_varint(uint64_t& value) {
  if (at_ == bytes_.size()) return false;
  value = read_varint();
  return true;
}

void append_varint(std::string& message, uint64_t value) {
  while (value >= 0x80) {
    message.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  message.push_back(static_cast<char>(value));
}

void append_varint_field(std::string& message, uint32_t number, uint64_t value) {
  append_varint(message, make_tag(number, WireType::kVarint));
  append_varint(message, value);
}

void append_bytes_header(std::string& message, uint32_t number, uint64_t length) {
  append_varint(message, make_tag(number, WireType::kBytes));
  append_varint(message, length);
}

void append_bytes_field(std::string& message, uint32_t number, std::string_view bytes) {
  append_bytes_header(message, number, bytes.size());
  message.append(bytes);
}

size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}

}  // namespace dlrun::model_io
