// Files of weights: what BVLC Caffe wrote is read with its values, what is written decodes with a
// reader of the test's own, and wrong files end in a message that helps.
#include "core/model_io/weights.hpp"

#include <algorithm>

#include "core/model_io/hdf5_file.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

std::vector<LayerWeights> sample_layers() {
  return {{"data", "Input", {}},
          {"conv",
           "Convolution",
           {HostBlob::of_floats({2, 1, 1, 3}, {1.5f, -2, 3, 4, 5, -0.0f}),
            HostBlob::of_floats({2}, {7, 8})}},
          {"deep/er/name",
           "Other",
           {HostBlob::of_doubles({}, {0.1}), HostBlob::of_floats({0, 3}, {})}}};
}

void check_equal(const HostBlob& found, const HostBlob& expected) {
  CHECK(found.present == expected.present);
  CHECK(found.shape == expected.shape);
  CHECK(found.values == expected.values);
}

}  // namespace

TEST_CASE("a caffemodel of BVLC Caffe has its layers and values") {
  const std::vector<LayerWeights> layers = read_weights(kGolden / "adam_decay_iter_24.caffemodel");
  REQUIRE(layers.size() == 8);
  const std::vector<std::string> names = {"data", "ip1", "tanh",     "ip1_tanh_0_split",
                                          "cls",  "reg", "loss_cls", "loss_reg"};
  for (size_t i = 0; i < names.size(); ++i)
    CHECK(layers[i].name == names[i]);
  CHECK(layers[1].type == "InnerProduct");
  CHECK(layers[0].blobs.empty());

  struct Expected {
    size_t layer, blob;
    std::vector<int64_t> shape;
    Sums sums;
  };
  const std::vector<Expected> expected = {
      {1, 0, {5, 6}, {30, -0.9375921916216612, -30.994145469740033}},
      {1, 1, {5}, {5, -0.3425762951374054, -0.06415942311286926}},
      {4, 0, {3, 5}, {15, -0.3582969754934311, -5.901312559843063}},
      {4, 1, {3}, {3, -0.0201302170753479, 0.1868373155593872}},
      {5, 0, {2, 5}, {10, 0.42998040840029716, 6.015218447893858}},
      {5, 1, {2}, {2, -0.7308535948395729, -1.3559462800621986}},
  };
  for (const Expected& wanted : expected) {
    REQUIRE(layers[wanted.layer].blobs.size() == 2);
    const HostBlob& blob = layers[wanted.layer].blobs[wanted.blob];
    CHECK(blob.type() == DataType::kFloat32);
    CHECK(blob.shape == wanted.shape);
    const Sums sums = sums_of(blob);
    CHECK(sums.count == wanted.sums.count);
    CHECK(sums.plain == doctest::Approx(wanted.sums.plain).epsilon(1e-12));
    CHECK(sums.placed == doctest::Approx(wanted.sums.placed).epsilon(1e-12));
  }
}

TEST_CASE("what is written in binary decodes by the field numbers of Caffe's schema") {
  const TemporaryFolder folder;
  write_weights(folder / "net.caffemodel", "a net", sample_layers(), FileFormat::kBinary);
  const std::string bytes = dlrun::base::read_file(folder / "net.caffemodel");
  CHECK(plain_all(bytes, 1) == std::vector<std::string>{"a net"});
  const std::vector<std::string> layers = plain_all(bytes, 100);
  REQUIRE(layers.size() == 3);
  CHECK(plain_all(layers[0], 1).at(0) == "data");
  CHECK(plain_all(layers[0], 7).empty());
  CHECK(plain_all(layers[1], 2).at(0) == "Convolution");

  const std::vector<std::string> conv = plain_all(layers[1], 7);
  REQUIRE(conv.size() == 2);
  CHECK(plain_numbers<float>(plain_all(conv[0], 5).at(0)) ==
        std::vector<float>{1.5f, -2, 3, 4, 5, -0.0f});
  CHECK(plain_all(plain_all(conv[0], 7).at(0), 1).at(0) == std::string("\2\1\1\3"));
  CHECK(plain_numbers<float>(plain_all(conv[1], 5).at(0)) == std::vector<float>{7, 8});

  const std::vector<std::string> other = plain_all(layers[2], 7);
  REQUIRE(other.size() == 2);
  CHECK(plain_numbers<double>(plain_all(other[0], 8).at(0)) == std::vector<double>{0.1});
  CHECK(plain_all(other[0], 5).empty());
}

TEST_CASE("weights come back exactly from either format, told by content and not by name") {
  const TemporaryFolder folder;
  const std::vector<LayerWeights> written = sample_layers();
  for (const FileFormat format : {FileFormat::kBinary, FileFormat::kHdf5}) {
    const fs::path path =
        folder / (format == FileFormat::kHdf5 ? "a.caffemodel" : "b.caffemodel.h5");
    write_weights(path, "net", written, format);
    CHECK(detect_format(path) == format);
    const std::vector<LayerWeights> read = read_weights(path);
    REQUIRE(read.size() == written.size());
    for (const LayerWeights& expected : written) {
      const auto found = std::find_if(
          read.begin(), read.end(), [&](const auto& layer) { return layer.name == expected.name; });
      REQUIRE(found != read.end());
      REQUIRE(found->blobs.size() == expected.blobs.size());
      for (size_t i = 0; i < expected.blobs.size(); ++i)
        check_equal(found->blobs[i], expected.blobs[i]);
    }
  }
}

TEST_CASE("an HDF5 file of the same weights has the same bytes whenever it is written") {
  const TemporaryFolder folder;
  write_weights(folder / "a.h5", "net", sample_layers(), FileFormat::kHdf5);
  ::sleep(1);  // HDF5 counts its times in seconds
  write_weights(folder / "b.h5", "net", sample_layers(), FileFormat::kHdf5);
  CHECK(dlrun::base::read_file(folder / "a.h5") == dlrun::base::read_file(folder / "b.h5"));
}

TEST_CASE("an HDF5 file without a layer's shared blob has a gap in its place") {
  const TemporaryFolder folder;
  write_weights(folder / "gap.h5", "net",
                {{"l", "T", {HostBlob::absent(), HostBlob::of_floats({1}, {3})}}},
                FileFormat::kHdf5);
  const std::vector<LayerWeights> layers = read_weights(folder / "gap.h5");
  REQUIRE(layers.at(0).blobs.size() == 2);
  CHECK_FALSE(layers[0].blobs[0].present);
  check_equal(layers[0].blobs[1], HostBlob::of_floats({1}, {3}));
}

TEST_CASE("the old generations of binary files are read, unknown tags stepped over") {
  const TemporaryFolder folder;
  const std::string legacy = number_field(1, 1) + number_field(2, 1) + number_field(3, 1) +
                             number_field(4, 2) + field(5, raw_floats({4, 5}));
  const std::string unpacked =
      field(7, field(1, "\2")) + '\x2d' + raw_floats({1}) + '\x2d' + raw_floats({2});
  // A fork's message where V1 has a number, a group, and a number where it has a message.
  const std::string noise = field(40, "junk") + "\x4b\x08\x01\x4c" + number_field(9, 3);
  const std::string v1 =
      field(2, noise + field(4, "first") + field(6, legacy) + field(6, unpacked));
  const std::string v0 = field(
      2, field(1, field(1, "second") + field(2, "conv") + field(50, legacy)) + field(2, "bottom"));
  const std::vector<LayerWeights> layers =
      read_weights(put(folder / "old.caffemodel", field(1, "net") + v1 + v0));
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].name == "first");
  REQUIRE(layers[0].blobs.size() == 2);
  CHECK(layers[0].blobs[0].legacy_shape);
  CHECK(layers[0].blobs[0].shape == std::vector<int64_t>{1, 1, 1, 2});
  CHECK(layers[0].blobs[0].shape_fits({2}));
  CHECK(layers[0].blobs[0].shape_fits({1, 2}));
  CHECK_FALSE(layers[0].blobs[0].shape_fits({2, 1}));
  CHECK_FALSE(layers[0].blobs[0].shape_fits({1, 1, 1, 1, 2}));
  check_equal(layers[0].blobs[1], HostBlob::of_floats({2}, {1, 2}));
  CHECK_FALSE(layers[0].blobs[1].shape_fits({1, 2}));
  CHECK(layers[1].name == "second");
  CHECK(layers[1].blobs.at(0).to_floats() == std::vector<float>{4, 5});
}

TEST_CASE("what is no file of weights is refused with what it is and what was expected") {
  const TemporaryFolder folder;
  struct Case {
    std::string bytes;
    std::string says;
  };
  const std::string state = dlrun::base::read_file(kGolden / "sgd_step_iter_12.solverstate");
  const std::string good = dlrun::base::read_file(kGolden / "init.caffemodel");
  const std::string three = field(5, raw_floats({1, 2, 3}));
  const std::vector<Case> cases = {
      {"", "is an empty file, expected a file of weights (.caffemodel)"},
      {"name: \"LeNet\"\nlayer { name: \"a\" }\n",
       "is a text file (a .prototxt?), expected a file of weights"},
      {state, "is a file of solver state (.solverstate), expected a file of weights"},
      {"{\"format\": \"dlrunstate\"}", "is a file of resume state (.dlrunstate)"},
      {field(5, raw_floats({1})), "is a file of one blob (.binaryproto)"},
      {field(1, "only a name\x01"), "holds no layers"},
      {good.substr(0, 500), "(at byte "},
      {field(100, field(1, "l") + field(7, three + field(7, field(1, "\2")))),
       "layer 'l': blob 0: 3 values, but shape 2 has 2 (at byte 6 of "},
      {field(100, field(1, "l") + field(7, field(7, field(1, "\1")) + field(5, "abcde"))),
       "layer 'l': blob 0: 5 bytes of data are no whole number of values of 4 bytes"},
      {field(100, field(1, "l") + field(7, field(7, field(1, std::string(9, '\xff') + '\1')))),
       "layer 'l': blob 0: the impossible shape -1"},
      {field(100, field(7, field(7, field(1, std::string(33, '\1'))))),
       "layer 0 (unnamed): blob 0: a shape of more than 32 axes"},
      {field(100, "\x7f"),
       "layer 0 (unnamed): field 15 has the unknown wire type 7 (at byte 3 of 4)"},
  };
  for (const Case& wrong : cases) {
    const fs::path path = put(folder / "wrong.caffemodel", wrong.bytes);
    const Caught caught = catch_error([&] { read_weights(path); });
    CAPTURE(caught.message);
    CAPTURE(wrong.says);
    CHECK(caught.code == 2);
    CHECK(caught.message.starts_with(path.string() + ": "));
    CHECK(caught.says(wrong.says));
  }
  CHECK(catch_error([&] { read_weights(folder / "absent"); }).says("No such file"));
  CHECK(catch_error([&] { read_weights(kGolden); }).says("is a folder"));
}

TEST_CASE("HDF5 files that hold no weights are refused with what they lack") {
  const TemporaryFolder folder;
  write_weights(folder / "good.h5", "net", sample_layers(), FileFormat::kHdf5);
  const std::string good = dlrun::base::read_file(folder / "good.h5");
  const fs::path cut = put(folder / "cut.h5", good.substr(0, good.size() / 2));
  const Caught caught = catch_error([&] { read_weights(cut); });
  CHECK(caught.code == 2);
  CHECK(caught.says("is damaged or no HDF5 file: "));
}

TEST_CASE("a blob without as many values as its shape is not written over a good file") {
  const TemporaryFolder folder;
  const fs::path path = put(folder / "keep.caffemodel", "old");
  for (const FileFormat format : {FileFormat::kBinary, FileFormat::kHdf5}) {
    const Caught caught = catch_error([&] {
      write_weights(path, "net", {{"l", "T", {HostBlob::of_floats({3}, {1})}}}, format);
    });
    CHECK(caught.says("a blob of shape 3 has 1 values"));
    CHECK(dlrun::base::read_file(path) == "old");
    CHECK(folder.count_files() == 1);
  }
}
