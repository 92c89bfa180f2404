// IDX files, read whole through zlib, which passes plain files on as they are.
#include "idx_file.hpp"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace {

constexpr uint8_t kBytes = 0x08;  // the format's code of the element type "unsigned byte"

class Reader {
 public:
  explicit Reader(const std::string& path)
      : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
    if (!file_) fail("can't be opened; check the path and its permissions");
  }

  // Reads up to `wanted` bytes; fewer at the end of the file.
  size_t read(uint8_t* out, size_t wanted) {
    size_t done = 0;
    while (done < wanted) {
      const auto piece = static_cast<unsigned>(std::min<size_t>(wanted - done, 1u << 30));
      const int n = gzread(file_.get(), out + done, piece);
      int status = Z_OK;
      const char* reason = gzerror(file_.get(), &status);
      if (n < 0 || (status != Z_OK && status != Z_STREAM_END)) {
        fail(status == Z_BUF_ERROR ? "ends too early: its gzip data is cut off"
                                   : std::string("can't be read: ") + reason);
      }
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw dlrun::Error(path_ + ": " + what, DLR_IO_ERROR);
  }

 private:
  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

uint32_t big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
         uint32_t{bytes[3]};
}

std::vector<uint32_t> read_header(Reader& reader, int rank) {
  uint8_t magic[4] = {};
  if (reader.read(magic, 4) != 4 || magic[0] != 0 || magic[1] != 0 || magic[2] != kBytes) {
    reader.fail("isn't an IDX file of bytes: it should begin with 00 00 08");
  }
  if (magic[3] != rank) {
    reader.fail("has " + std::to_string(magic[3]) + " dimensions where " + std::to_string(rank) +
                " are expected; images have 3, labels 1: are the two swapped?");
  }
  std::vector<uint32_t> dims;
  for (int axis = 0; axis < rank; ++axis) {
    uint8_t dim[4] = {};
    if (reader.read(dim, 4) != 4) reader.fail("ends within its header");
    dims.push_back(big_endian(dim));
    if (dims.back() == 0) reader.fail("is empty: one of its dimensions is 0");
  }
  return dims;
}

}  // namespace

IdxFile read_idx_file(const std::string& path, int rank) {
  Reader reader(path);
  IdxFile file;
  file.dims = read_header(reader, rank);
  constexpr uint64_t kMost = uint64_t{1} << 40;  // a header that claims more than this is corrupt
  uint64_t size = 1;
  for (const uint32_t dim : file.dims) {
    size *= dim;
    if (size > kMost) reader.fail("is corrupt: its header claims more than 2^40 bytes");
  }
  // In pieces, so that a header that lies about the size doesn't cost the memory it claims.
  constexpr size_t kPiece = size_t{1} << 24;
  while (file.bytes.size() < size) {
    const size_t before = file.bytes.size();
    const size_t wanted = std::min<size_t>(kPiece, size - before);
    file.bytes.resize(before + wanted);
    const size_t got = reader.read(file.bytes.data() + before, wanted);
    if (got < wanted) {
      reader.fail("is cut off: " + std::to_string(before + got) +
                  " bytes of data where its header says " + std::to_string(size));
    }
  }
  uint8_t more = 0;
  if (reader.read(&more, 1) != 0)
    reader.fail("is longer than the " + std::to_string(size) + " bytes its header says");
  return file;
}
