// The protobuf wire format, field by field: a reader over bytes in memory and the few pieces a
// writer needs. Files of weights are walked with this instead of generated messages: a message
// class would need all of a file in memory twice, ends at 2 GB, and would trust tags that forks use
// for other things.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dlrun::model_io {

static_assert(std::endian::native == std::endian::little,
              "values are copied to and from files as they are");

// Bytes that break the wire format; the reader of a file turns it into an Error with the path.
class WireError : public std::runtime_error {
 public:
  WireError(uint64_t offset, const std::string& message)
      : std::runtime_error(message), offset_(offset) {}
  uint64_t offset() const { return offset_; }  // from the beginning of the file

 private:
  uint64_t offset_;
};

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;      // of kVarint, kFixed64 and kFixed32
  std::string_view bytes;  // of kBytes
  uint64_t offset = 0;     // where the field's tag begins, from the beginning of the file
  uint64_t content = 0;    // where its value or bytes begin

  bool is(uint32_t wanted_number, WireType wanted_type) const {
    return number == wanted_number && type == wanted_type;
  }
};

// Walks the fields of one message. Groups (unknown to every message here) are skipped.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes, uint64_t offset = 0)
      : bytes_(bytes), offset_(offset) {}
  // The message inside a field of kBytes.
  explicit WireReader(const WireField& field) : WireReader(field.bytes, field.content) {}

  // The next field, or false at the end. Throws WireError.
  bool next(WireField& field);

  // The next bare varint, as packed fields hold them, or false at the end. Throws WireError.
  bool next_varint(uint64_t& value);

 private:
  uint64_t position() const { return offset_ + at_; }
  uint64_t read_varint();
  uint64_t read_fixed(size_t size);
  void read_value(WireField& field);

  std::string_view bytes_;
  uint64_t offset_;
  size_t at_ = 0;
};

// Appending to a message.
void append_varint(std::string& message, uint64_t value);
void append_varint_field(std::string& message, uint32_t number, uint64_t value);
void append_bytes_field(std::string& message, uint32_t number, std::string_view bytes);
// Only the tag and the length of a field of kBytes whose bytes follow.
void append_bytes_header(std::string& message, uint32_t number, uint64_t length);
size_t varint_size(uint64_t value);

}  // namespace dlrun::model_io
