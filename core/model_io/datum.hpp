// Datum: one sample of a Caffe database, decoded from and encoded to its protobuf bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dlrun::model_io {

struct Datum {
  int32_t channels = 0;
  int32_t height = 0;
  int32_t width = 0;
  int32_t label = 0;
  bool encoded = false;           // `data` is an image file; see image_codec.hpp
  std::string_view data;          // uint8, channels x height x width, or the bytes of an image file
  std::vector<float> float_data;  // channels x height x width, when `data` is empty
};

// Decodes into `datum` (its float_data keeps its memory); `data` points into `bytes`. `where` names
// the record for messages ("train_lmdb: record '00000012'"). Throws Error (exit code 2) for corrupt
// bytes and when the number of values isn't channels*height*width (encoded images apart).
void decode_datum(std::string_view bytes, std::string_view where, Datum& datum);

std::string encode_datum(const Datum& datum);

}  // namespace dlrun::model_io
