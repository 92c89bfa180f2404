// IDX files, the format of MNIST, read item by item: two zero bytes, the element type, the number
// of dimensions, the dimensions as big-endian 32-bit numbers, and the elements. Plain or gzipped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dlrun::model_io {

class IdxReader {
 public:
  // Opens a file of bytes with `rank` dimensions. Throws Error (exit code 2), as next does.
  IdxReader(const std::string& path, int rank);
  ~IdxReader();
  IdxReader(const IdxReader&) = delete;
  IdxReader& operator=(const IdxReader&) = delete;

  const std::vector<uint32_t>& dims() const { return dims_; }
  // The elements of the next item along the first dimension: at most dims()[0] calls.
  const std::vector<uint8_t>& next();
  // To be called behind the last item: a longer file than its header says is an error.
  void expect_end();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  size_t read(uint8_t* out, size_t wanted);

  struct File;
  std::string path_;
  std::unique_ptr<File> file_;
  std::vector<uint32_t> dims_;
  std::vector<uint8_t> item_;
  uint32_t items_read_ = 0;
};

}  // namespace dlrun::model_io
