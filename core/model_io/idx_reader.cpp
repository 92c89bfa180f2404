#include "core/model_io/idx_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include "core/base/error.hpp"

namespace dlrun::model_io {
namespace {

constexpr uint8_t kBytes = 0x08;  // the format's code of the element type "unsigned byte"
constexpr uint64_t kMostItemBytes = uint64_t{1} << 30;

}  // namespace

struct IdxReader::File {
  explicit File(const std::string& path) : handle(gzopen(path.c_str(), "rb")) {}
  ~File() {
    if (handle != nullptr) gzclose(handle);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  gzFile handle;  // zlib passes plain files on as they are
};

IdxReader::IdxReader(const std::string& path, int rank)
    : path_(path), file_(std::make_unique<File>(path)) {
  if (file_->handle == nullptr) fail("can't be opened; check the path and its permissions");
  uint8_t magic[4] = {};
  if (read(magic, 4) != 4 || magic[0] != 0 || magic[1] != 0 || magic[2] != kBytes) {
    fail("not an IDX file of bytes; it should begin with 00 00 08");
  }
  if (magic[3] != rank) {
    fail(fmt::format(
        "has {} dimensions, expected {}; images have 3 and labels 1: are the two swapped?",
        magic[3], rank));
  }
  uint64_t item_bytes = 1;
  for (int axis = 0; axis < rank; ++axis) {
    uint8_t dim[4] = {};
    if (read(dim, 4) != 4) fail("ends within its header");
    dims_.push_back(uint32_t{dim[0]} << 24 | uint32_t{dim[1]} << 16 | uint32_t{dim[2]} << 8 |
                    uint32_t{dim[3]});
    if (dims_.back() == 0) fail("is empty: one of its dimensions is 0");
    if (axis > 0) item_bytes *= dims_.back();
    if (item_bytes > kMostItemBytes)
      fail("is corrupt: its header claims items of more than 2^30 bytes");
  }
  item_.resize(item_bytes);
}

IdxReader::~IdxReader() = default;

void IdxReader::fail(const std::string& what) const {
  base::fail_input({path_, 0, 0}, what);
}

size_t IdxReader::read(uint8_t* out, size_t wanted) {
  const int n = gzread(file_->handle, out, static_cast<unsigned>(wanted));
  int status = Z_OK;
  const char* reason = gzerror(file_->handle, &status);
  if (status == Z_BUF_ERROR) fail("its gzip data is cut off");
  if (n < 0 || (status != Z_OK && status != Z_STREAM_END))
    fail(fmt::format("can't be read: {}", reason));
  return static_cast<size_t>(n);
}

const std::vector<uint8_t>& IdxReader::next() {
  if (read(item_.data(), item_.size()) != item_.size()) {
    fail(fmt::format("is cut off: it ends within item {} of {}", items_read_ + 1, dims_[0]));
  }
  ++items_read_;
  return item_;
}

void IdxReader::expect_end() {
  uint8_t more = 0;
  if (read(&more, 1) != 0)
    fail(fmt::format("is longer than the {} items its header says", dims_[0]));
}

}  // namespace dlrun::model_io
