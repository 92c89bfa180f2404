// What the tests of core/model_io share: a folder of their own, the message of an Error, and a
// reader of protobuf bytes that shares no code with dlrun.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/temporary_folder.hpp"
#include "core/model_io/host_blob.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {

namespace fs = std::filesystem;

inline const fs::path kGolden = source_root() + "/tests/golden/solvers";
inline const fs::path kData = source_root() + "/tests/data/model_io";

// A new empty folder, removed with all that is in it.
class TemporaryFolder : public dlrun::base::TemporaryFolder {
 public:
  fs::path operator/(const std::string& name) const { return path() / name; }
  size_t count_files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
  }
};

inline fs::path put(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// The Error that a call ends in; code 0 when there was none.
struct Caught {
  int code = 0;
  std::string message;

  bool says(const std::string& text) const { return message.find(text) != std::string::npos; }
};

template <typename Call>
Caught catch_error(Call call) {
  try {
    call();
  } catch (const base::Error& error) {
    return {static_cast<int>(error.code()), error.what()};
  }
  return {};
}

// Sum of the values and of each times its place from 1, as the recorded figures were made (with
// Python).
struct Sums {
  size_t count = 0;
  double plain = 0;
  double placed = 0;
};

inline Sums sums_of(const model_io::HostBlob& blob) {
  Sums sums;
  for (const double value : blob.to_doubles()) {
    sums.plain += value;
    sums.placed += value * static_cast<double>(++sums.count);
  }
  return sums;
}

// A message as a flat list of its fields, by a reader made for the tests.
struct PlainField {
  uint64_t number = 0;
  uint64_t type = 0;
  uint64_t value = 0;
  std::string bytes;
};

inline uint64_t plain_varint(const std::string& bytes, size_t& at) {
  uint64_t value = 0;
  for (int i = 0; i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes.at(at++));
    value += static_cast<uint64_t>(byte % 128) << (7 * i);
    if (byte < 128) return value;
  }
  FAIL("a varint does not end");
  return 0;
}

inline std::vector<PlainField> plain_fields(const std::string& bytes) {
  std::vector<PlainField> fields;
  for (size_t at = 0; at < bytes.size();) {
    PlainField field;
    const uint64_t tag = plain_varint(bytes, at);
    field.number = tag / 8;
    field.type = tag % 8;
    if (field.type == 0) {
      field.value = plain_varint(bytes, at);
    } else {
      REQUIRE((field.type == 2 || field.type == 5));
      const size_t length = field.type == 2 ? plain_varint(bytes, at) : 4;
      REQUIRE(at + length <= bytes.size());
      field.bytes = bytes.substr(at, length);
      at += length;
    }
    fields.push_back(field);
  }
  return fields;
}

// The bytes of the fields of one number, in order.
inline std::vector<std::string> plain_all(const std::string& message, uint64_t number) {
  std::vector<std::string> found;
  for (const PlainField& field : plain_fields(message)) {
    if (field.number == number) found.push_back(field.bytes);
  }
  return found;
}

template <typename Number>
std::vector<Number> plain_numbers(const std::string& packed) {
  std::vector<Number> numbers(packed.size() / sizeof(Number));
  std::memcpy(numbers.data(), packed.data(), packed.size());
  return numbers;
}

// To build messages by hand: fields of at most 127 bytes and numbers below 128.
inline std::string field(int number, const std::string& bytes) {
  std::string tag;
  const int value = number * 8 + 2;
  if (value > 127) tag += static_cast<char>(value % 128 + 128);
  tag += static_cast<char>(value > 127 ? value / 128 : value);
  return tag + static_cast<char>(bytes.size()) + bytes;
}

inline std::string number_field(int number, int value) {
  return {static_cast<char>(number * 8), static_cast<char>(value)};
}

inline std::string raw_floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace dlrun::test
