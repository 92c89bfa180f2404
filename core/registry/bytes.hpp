// Manifests as bytes: for the index of plugins and for the pipe from the helper process. Both ends
// are of one build.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/manifest.hpp"

namespace dlrun::registry {

class ByteWriter {
 public:
  void number(std::uint64_t value);
  void text(std::string_view value);
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Every read that would go beyond the end throws base::Error.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number();
  std::string text();
  // Reads a number of elements, each of which takes a byte or more.
  std::uint64_t count();
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::uint64_t n);
  std::string_view rest_;
};

void write(ByteWriter& out, const Manifest& manifest);
Manifest read_manifest(ByteReader& in);

// The bytes with a mark in front and a checksum behind, and back. open_sealed throws base::Error
// when it finds anything else.
std::string seal(std::string_view mark, std::string_view bytes);
std::string_view open_sealed(std::string_view mark, std::string_view sealed);

}  // namespace dlrun::registry
