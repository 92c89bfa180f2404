// Datums and single blobs: the fields of Caffe's schema, and what is wrong with those that aren't
// whole.
#include "core/model_io/datum.hpp"

#include "core/model_io/blob_file.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

TEST_CASE("a datum of bytes is encoded by the field numbers of Caffe's schema") {
  Datum datum;
  datum.channels = 1;
  datum.height = 2;
  datum.width = 3;
  datum.label = -1;
  datum.data = "abcdef";
  const std::vector<PlainField> fields = plain_fields(encode_datum(datum));
  REQUIRE(fields.size() == 6);
  CHECK(fields[0].value == 1);
  CHECK(fields[1].value == 2);
  CHECK(fields[2].value == 3);
  CHECK(fields[3].number == 4);
  CHECK(fields[3].bytes == "abcdef");
  CHECK(fields[4].number == 5);
  CHECK(fields[4].value == ~uint64_t{0});
  CHECK(fields[5].number == 7);
  CHECK(fields[5].value == 0);
}

TEST_CASE("datums come back, and the memory of the one before holds nothing over") {
  Datum floats;
  floats.channels = 2;
  floats.height = 1;
  floats.width = 1;
  floats.float_data = {0.5f, -1.5f};
  Datum read;
  const std::string bytes_of_floats = encode_datum(floats);
  decode_datum(bytes_of_floats, "record", read);
  CHECK(read.float_data == floats.float_data);
  CHECK(read.data.empty());
  CHECK(plain_all(bytes_of_floats, 6).size() == 2);  // one field each: not packed

  Datum image;
  image.encoded = true;
  image.label = 1000000;
  image.data = "an image file";
  const std::string bytes_of_image = encode_datum(image);
  decode_datum(bytes_of_image, "record", read);
  CHECK(read.encoded);
  CHECK(read.label == 1000000);
  CHECK(read.channels == 0);
  CHECK(read.data == "an image file");
  CHECK(read.float_data.empty());

  const std::string packed =
      number_field(1, 1) + number_field(2, 1) + number_field(3, 2) + field(6, raw_floats({3, 4}));
  decode_datum(packed, "record", read);
  CHECK(read.float_data == std::vector<float>{3, 4});
}

TEST_CASE("a datum with too few or too many values is refused, its record named") {
  Datum read;
  const std::string sizes = number_field(1, 3) + number_field(2, 2) + number_field(3, 2);
  for (const std::string& values : {field(4, "abc"), field(6, raw_floats({1})), std::string()}) {
    const std::string bytes = sizes + values;
    const Caught caught =
        catch_error([&] { decode_datum(bytes, "train_lmdb: record '0001'", read); });
    CHECK(caught.code == 2);
    CHECK(caught.message.starts_with(
        "train_lmdb: record '0001': a Datum of 3x2x2 (channels x height x width)"));
  }
  CHECK(catch_error([&] { decode_datum("\x22\x7fxx", "r", read); })
            .says("r: is no Datum or is damaged: field 4 has 127 bytes, but only 2 are left (at "
                  "byte 0)"));
}

TEST_CASE("mean files come back, legacy ones in their old fields") {
  const TemporaryFolder folder;
  HostBlob mean = HostBlob::of_floats({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  mean.legacy_shape = true;
  write_blob_file(folder / "mean.binaryproto", mean);
  const std::vector<PlainField> fields =
      plain_fields(dlrun::base::read_file(folder / "mean.binaryproto"));
  REQUIRE(fields.size() == 5);
  for (uint64_t i = 0; i < 4; ++i) {
    CHECK(fields[i].number == i + 1);
    CHECK(fields[i].value == static_cast<uint64_t>(mean.shape[i]));
  }
  const HostBlob read = read_blob_file(folder / "mean.binaryproto");
  CHECK(read.legacy_shape);
  CHECK(read.shape == mean.shape);
  CHECK(read.values == mean.values);

  write_blob_file(folder / "new", HostBlob::of_doubles({2}, {1, 2}));
  CHECK(read_blob_file(folder / "new").to_doubles() == std::vector<double>{1, 2});
}

TEST_CASE("what is no mean file is refused") {
  CHECK(catch_error([] {
          read_blob_file(kGolden / "init.caffemodel");
        }).says("is a file of weights (.caffemodel), expected a file of one blob (.binaryproto)"));
  CHECK(catch_error([] {
          decode_blob("\x2a\x03zzz", "mean");
        }).says("mean: is no .binaryproto or is damaged: 3 bytes of data are no whole number"));
}
