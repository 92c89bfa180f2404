// Reading and writing HDF5: lists, conversions, rows, attributes, and messages for what isn't
// there.
#include "core/model_io/hdf5_file.hpp"

#include <hdf5.h>

#include <atomic>
#include <thread>

#include "core/model_io/hdf5_writer.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

fs::path write_sample(const TemporaryFolder& folder) {
  const fs::path path = folder / "sample.h5";
  write_hdf5(path, [](Hdf5Writer& file) {
    file.write("in/x", HostBlob::of_floats({3, 2}, {1, 2, 3, 4, 5, 6}));
    file.write("param/a/b/0", HostBlob::of_doubles({2}, {0.1, 16777217}));
    file.write("scalar", HostBlob::of_floats({}, {7}));
    file.write("empty", HostBlob::of_floats({0, 4}, {}));
    file.write_string("text", "hello");
    file.write_integer("big", int64_t{1} << 40);
    file.make_group("nothing");
    file.set_attribute("", "phase", "TEST");
    file.set_attribute("in/x", "backward", 1);
  });
  return path;
}

// Datasets and attributes of the kinds that other programs write.
void write_foreign(const fs::path& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[] = {4};
  const hid_t space = H5Screate_simple(1, dims, nullptr);
  const uint8_t bytes[] = {0, 1, 128, 255};
  const hid_t numbers =
      H5Dcreate2(file, "bytes", H5T_STD_U8BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(numbers, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
  const hid_t one = H5Screate(H5S_SCALAR);
  const hid_t string_type = H5Tcopy(H5T_C_S1);
  H5Tset_size(string_type, H5T_VARIABLE);
  const char* const text = "TRAIN";
  const hid_t attribute = H5Acreate2(numbers, "phase", string_type, one, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, string_type, &text);
  H5Lcreate_hard(file, "/", file, "circle", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/bytes", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/absent", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
  H5Aclose(attribute);
  H5Tclose(string_type);
  H5Sclose(one);
  H5Dclose(numbers);
  H5Sclose(space);
  H5Fclose(file);
}

}  // namespace

TEST_CASE("datasets at any depth are listed with their shapes") {
  const TemporaryFolder folder;
  const Hdf5File file = Hdf5File::open(write_sample(folder));
  std::vector<std::string> lines;
  for (const Hdf5Dataset& dataset : file.datasets()) {
    lines.push_back(dataset.name + " " + shape_to_string(dataset.shape));
  }
  CHECK(lines == std::vector<std::string>{"big 1", "empty 0x4", "in/x 3x2", "param/a/b/0 2",
                                          "scalar ()", "text ()"});
  CHECK(file.datasets("/param/").size() == 1);
  CHECK(file.datasets("nothing").empty());
  CHECK(file.members("param") == std::vector<std::string>{"a"});
  CHECK(file.is_group("param/a/b"));
  CHECK(file.is_dataset("/in/x"));
  CHECK_FALSE(file.has("in/x/y"));
  CHECK_FALSE(file.has("in/y"));
}

TEST_CASE("values are read in the type that is wanted, whole or by rows") {
  const TemporaryFolder folder;
  const Hdf5File file = Hdf5File::open(write_sample(folder));
  CHECK(file.read("in/x").to_floats() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(file.read("in/x", DataType::kFloat64).type() == DataType::kFloat64);
  CHECK(file.read("param/a/b/0").to_doubles() == std::vector<double>{0.1, 16777217});
  CHECK(file.read("param/a/b/0", DataType::kFloat32).to_floats() ==
        std::vector<float>{0.1f, 16777216});
  CHECK(file.read("scalar").shape.empty());
  CHECK(file.read("empty").shape == std::vector<int64_t>{0, 4});
  CHECK(file.read_integers("big") == std::vector<int64_t>{int64_t{1} << 40});
  CHECK(file.read_string("text") == "hello");
  const HostBlob rows = file.read_rows("in/x", 1, 2, DataType::kFloat32);
  CHECK(rows.shape == std::vector<int64_t>{2, 2});
  CHECK(rows.to_floats() == std::vector<float>{3, 4, 5, 6});
  CHECK(file.read_rows("in/x", 3, 0, DataType::kFloat32).value_count() == 0);
  CHECK(catch_error([&] {
          file.read_rows("in/x", 2, 2, DataType::kFloat32);
        }).says("dataset 'in/x' of shape 3x2 has no 2 rows from row 2"));
  CHECK(file.string_attribute("", "phase") == "TEST");
  CHECK(file.integer_attribute("in/x", "backward") == 1);
  CHECK_FALSE(file.integer_attribute("in/x", "absent").has_value());
}

TEST_CASE("files of other programs are read: other types, links, strings of variable length") {
  const TemporaryFolder folder;
  write_foreign(folder / "foreign.h5");
  const Hdf5File file = Hdf5File::open(folder / "foreign.h5");
  CHECK(file.read("bytes").to_floats() == std::vector<float>{0, 1, 128, 255});
  CHECK(file.string_attribute("bytes", "phase") == "TRAIN");
  CHECK(file.read("soft").to_floats().size() == 4);
  CHECK_FALSE(file.has("dangling"));
  CHECK(catch_error([&] { file.datasets(); }).says("groups lie too deep"));
}

TEST_CASE("what isn't there or is of another kind is named") {
  const TemporaryFolder folder;
  const fs::path path = write_sample(folder);
  const Hdf5File file = Hdf5File::open(path);
  const auto message = [&](auto call) {
    const Caught caught = catch_error(call);
    CHECK(caught.code == 2);
    CHECK(caught.message.starts_with(path.string() + ": "));
    return caught.message.substr(path.string().size() + 2);
  };
  CHECK(message([&] { file.read("in/z"); }) == "has no dataset 'in/z'");
  CHECK(message([&] { file.read("in"); }).starts_with("dataset 'in' cannot be opened: "));
  CHECK(message([&] { file.read("text"); }) == "dataset 'text' is a string, expected numbers");
  CHECK(message([&] { file.read_string("in/x"); }) == "dataset 'in/x' is not one string");
  CHECK(message([&] { file.members("in/x"); }).starts_with("cannot list group '/in/x': "));
  CHECK(message([&] { file.string_attribute("in/x", "backward"); }) ==
        "attribute 'backward' of '/in/x' is not one string");
  CHECK(message([&] { file.integer_attribute("", "phase"); }) ==
        "attribute 'phase' of '/' is not one integer");
  CHECK(message([&] { file.integer_attribute("nope", "phase"); }) == "has no object '/nope'");
  CHECK(catch_error([&] {
          Hdf5File::open(put(folder / "t", "text"));
        }).says("is damaged or no HDF5 file"));
}

TEST_CASE("a name written twice is an error and leaves no file") {
  const TemporaryFolder folder;
  const Caught caught = catch_error([&] {
    write_hdf5(folder / "twice.h5", [](Hdf5Writer& file) {
      file.write("a", HostBlob::of_floats({}, {1}));
      file.write("a", HostBlob::of_floats({}, {2}));
    });
  });
  CHECK(caught.code == 1);
  CHECK(caught.says("twice.h5: cannot write dataset 'a': "));
  CHECK(folder.count_files() == 0);
}

TEST_CASE("threads read files of their own at once") {
  const TemporaryFolder folder;
  const fs::path path = write_sample(folder);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const Hdf5File file = Hdf5File::open(path);
        const bool refused = catch_error([&] { file.read("absent"); }).code == 2;
        if (refused && file.read("in/x").value_count() == 6) ++good;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(good == 200);
}
