// SHA-256 (FIPS 180-4): names the content of plugins and files.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace dlrun::base {

// Takes bytes in pieces of any size.
class Sha256 {
 public:
  void update(std::string_view bytes);
  // The digest of all bytes so far as 64 lower-case hexadecimal digits. Nothing may follow it.
  std::string finish();

 private:
  static constexpr std::size_t kBlock = 64;  // bytes
  void add_block(const unsigned char* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, kBlock> pending_ = {};
  std::size_t n_pending_ = 0;
  std::uint64_t n_bytes_ = 0;
};

std::string sha256(std::string_view bytes);
// Throws Error (exit code 2) when the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace dlrun::base
