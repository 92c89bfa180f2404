// Sources: what lies at a position whatever was read before, shuffling, and wrong or broken files.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/model_io/datum.hpp"
#include "core/model_io/hdf5_writer.hpp"
#include "tests/unit/plugin_bench.hpp"

namespace {

using dlrun::test::failure_of;
using dlrun::test::PluginBench;
using dlrun::test::TemporaryFolder;

// What one read gives, as numbers.
struct Sample {
  std::vector<double> values[2];
  std::vector<int64_t> shape[2];
};

std::vector<double> to_numbers(const dlr_array& array) {
  std::vector<double> numbers;
  const uint64_t count = array.bytes / ((array.dtype & 0xFF) / 8);
  for (uint64_t i = 0; i < count; ++i) {
    switch (array.dtype) {
      case DLR_U8:
        numbers.push_back(static_cast<const uint8_t*>(array.data)[i]);
        break;
      case DLR_F32:
        numbers.push_back(static_cast<const float*>(array.data)[i]);
        break;
      case DLR_F64:
        numbers.push_back(static_cast<const double*>(array.data)[i]);
        break;
      case DLR_I32:
        numbers.push_back(static_cast<const int32_t*>(array.data)[i]);
        break;
      case DLR_I64:
        numbers.push_back(static_cast<double>(static_cast<const int64_t*>(array.data)[i]));
        break;
      default:
        FAIL("unknown type");
    }
  }
  return numbers;
}

class Source {
 public:
  Source(PluginBench& bench, const std::string& fields, uint64_t stream = 1) {
    const auto layer = bench.parse_layer("name: 'd' " + fields);
    type_ = &bench.type<dlr_source_type>("source", layer.text("type"));
    n_tops_ = static_cast<uint32_t>(layer.count("top"));
    dlrun::host::check(type_->create(bench.params(layer), n_tops_, {3, stream}, &self_));
  }
  ~Source() { type_->destroy(self_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  dlr_source_info info() {
    dlr_source_info info{sizeof info, 0, 0};
    dlrun::host::check(type_->describe(self_, &info));
    return info;
  }
  Sample read(uint64_t position) {
    dlr_array arrays[2] = {};
    dlr_item item{sizeof item, arrays, n_tops_};
    dlrun::host::check(type_->read(self_, position, &item));
    Sample sample;
    for (uint32_t top = 0; top < n_tops_; ++top) {
      sample.values[top] = to_numbers(arrays[top]);
      sample.shape[top].assign(arrays[top].dim, arrays[top].dim + arrays[top].rank);
    }
    return sample;
  }
  double first_value(uint64_t position) { return read(position).values[0][0]; }

 private:
  const dlr_source_type* type_ = nullptr;
  void* self_ = nullptr;
  uint32_t n_tops_ = 0;
};

std::string idx(const std::vector<uint32_t>& dims, const std::string& bytes) {
  std::string file("\0\0\x08", 3);
  file += static_cast<char>(dims.size());
  for (const uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8)
      file += static_cast<char>(dim >> shift & 0xFF);
  }
  return file + bytes;
}

std::string gzip(const std::string& path, const std::string& bytes) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return path;
}

// n images of 1 x 2 pixels: (10 i, 10 i + 1), labels i.
std::string images_of(uint32_t n) {
  std::string bytes;
  for (uint32_t i = 0; i < n; ++i)
    bytes += {static_cast<char>(10 * i), static_cast<char>(10 * i + 1)};
  return idx({n, 1, 2}, bytes);
}
std::string labels_of(uint32_t n) {
  std::string bytes;
  for (uint32_t i = 0; i < n; ++i)
    bytes += static_cast<char>(i);
  return idx({n}, bytes);
}

std::string idx_fields(const std::string& images, const std::string& labels,
                       const std::string& more = "") {
  return "type: 'IdxData' top: 'a' top: 'b' idx_data_param { batch_size: 4 images: '" + images +
         "' labels: '" + labels + "' " + more + " }";
}

std::string hdf5_fields(const std::string& list, const std::string& more = "") {
  return "type: 'HDF5Data' top: 'x' top: 'y' hdf5_data_param { batch_size: 2 source: '" + list +
         "' " + more + " }";
}

// A file of datasets x [n, 2] (first, first, first + 1, first + 1, ...) and y [n].
void write_hdf5(const std::string& path, int64_t n, float first, int64_t labels = -1) {
  using dlrun::model_io::HostBlob;
  std::vector<float> x;
  std::vector<float> y;
  for (int64_t i = 0; i < n; ++i)
    x.insert(x.end(), 2, first + static_cast<float>(i));
  for (int64_t i = 0; i < (labels < 0 ? n : labels); ++i)
    y.push_back(first + static_cast<float>(i));
  const int64_t n_labels = static_cast<int64_t>(y.size());
  dlrun::model_io::write_hdf5(path, [&](dlrun::model_io::Hdf5Writer& writer) {
    writer.write("x", HostBlob::of_floats({n, 2}, x));
    writer.write("y", HostBlob::of_floats({n_labels}, y));
  });
}

}  // namespace

TEST_CASE("IdxData reads plain and gzipped files alike, from any position") {
  TemporaryFolder folder;
  PluginBench bench({"source_idx_data"});
  const std::string images = folder.write("images", images_of(5));
  const std::string labels = gzip(folder.file("labels.gz"), labels_of(5));
  Source source(bench, idx_fields(images, labels));
  CHECK(source.info().batch_size == 4);
  CHECK(source.info().length == 5);
  for (const uint64_t position : {0, 1, 4, 5, 13, 2}) {
    const Sample sample = source.read(position);
    const double i = static_cast<double>(position % 5);
    CHECK(sample.values[0] == std::vector<double>{10 * i, 10 * i + 1});
    CHECK(sample.shape[0] == std::vector<int64_t>{1, 1, 2});
    CHECK(sample.values[1] == std::vector<double>{i});
    CHECK(sample.shape[1].empty());
  }
}

TEST_CASE(
    "shuffling gives every sample once an epoch, in an order that depends on key and epoch only") {
  TemporaryFolder folder;
  PluginBench bench({"source_idx_data", "source_hdf5_data"});
  write_hdf5(folder.file("1.h5"), 8, 0);
  write_hdf5(folder.file("2.h5"), 12, 100);
  const std::string hdf5 =
      hdf5_fields(folder.write("list", "1.h5\n\n  2.h5 \r\n"), "shuffle: true");
  const std::string raw = idx_fields(folder.write("images", images_of(20)),
                                     folder.write("labels", labels_of(20)), "shuffle: true");
  for (const std::string& fields : {raw, hdf5}) {
    CAPTURE(fields);
    Source source(bench, fields);
    std::vector<std::vector<double>> epochs;
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<double> order;
      for (uint64_t i = 0; i < 20; ++i)
        order.push_back(source.first_value(epoch * 20 + i));
      CHECK(std::set<double>(order.begin(), order.end()).size() == 20);
      CHECK(!std::is_sorted(order.begin(), order.end()));
      epochs.push_back(order);
    }
    CHECK(epochs[0] != epochs[1]);
    CHECK(epochs[1] != epochs[2]);
    Source again(bench, fields);
    CHECK(again.first_value(47) == epochs[2][7]);
    CHECK(again.first_value(3) == epochs[0][3]);
    Source other(bench, fields, 2);
    int differ = 0;
    for (uint64_t i = 0; i < 20; ++i)
      differ += other.first_value(i) != epochs[0][i];
    CHECK(differ > 5);
  }
}

TEST_CASE("HDF5Data goes from file to file and begins anew") {
  TemporaryFolder folder;
  PluginBench bench({"source_hdf5_data"});
  write_hdf5(folder.file("1.h5"), 2, 0);
  write_hdf5(folder.file("2.h5"), 3, 100);
  Source source(bench, hdf5_fields(folder.write("list", "1.h5\n2.h5\n")));
  CHECK(source.info().length == 5);
  const double expected[] = {0, 1, 100, 101, 102};
  for (const uint64_t position : {0, 1, 2, 4, 5, 11, 3}) {
    const Sample sample = source.read(position);
    CHECK(sample.values[0] == std::vector<double>(2, expected[position % 5]));
    CHECK(sample.shape[0] == std::vector<int64_t>{2});
    CHECK(sample.values[1] == std::vector<double>{expected[position % 5]});
    CHECK(sample.shape[1].empty());
  }
}

TEST_CASE(
    "Data reads a database from any position, skipping a random number at first when told to") {
  TemporaryFolder folder;
  PluginBench bench({"source_data", "database_lmdb"});
  const auto& lmdb = bench.type<dlr_database_type>("database", "LMDB");
  const std::string path = folder.file("db");
  void* database = nullptr;
  dlrun::host::check(lmdb.open(dlrun::host::to_abi(path), 1, &database));
  for (char i = 0; i < 5; ++i) {
    dlrun::model_io::Datum datum;
    datum.channels = 1;
    datum.height = 1;
    datum.width = 2;
    datum.label = i;
    const char pixels[2] = {static_cast<char>(10 * i), 7};
    datum.data = {pixels, 2};
    const std::string key = "0000000" + std::to_string(i);
    dlrun::host::check(lmdb.put(database, dlrun::host::to_abi(key),
                                dlrun::host::to_abi(dlrun::model_io::encode_datum(datum))));
  }
  dlrun::host::check(lmdb.commit(database));
  lmdb.close(database);

  const auto fields = [&](const std::string& more) {
    return "type: 'Data' top: 'a' top: 'b' data_param { backend: LMDB batch_size: 3 source: '" +
           path + "' " + more + "}";
  };
  Source source(bench, fields(""));
  CHECK(source.info().length == 5);
  for (const uint64_t position : {0, 1, 2, 6, 3, 14, 14}) {
    const Sample sample = source.read(position);
    const double i = static_cast<double>(position % 5);
    CHECK(sample.values[0] == std::vector<double>{10 * i, 7});
    CHECK(sample.values[1] == std::vector<double>{i});
    CHECK(sample.shape[1].empty());
  }
  std::set<double> starts;
  for (uint64_t stream = 0; stream < 40; ++stream) {
    Source skipping(bench, fields("rand_skip: 3"), stream);
    starts.insert(skipping.first_value(0));
    CHECK(skipping.first_value(5) == skipping.first_value(0));
  }
  CHECK(starts == std::set<double>{0, 10, 20});
}

TEST_CASE("wrong and broken files are errors at their place") {
  TemporaryFolder folder;
  PluginBench bench({"source_idx_data", "source_hdf5_data", "source_data", "database_lmdb"});
  const auto failure = [&](const std::string& fields) {
    return failure_of([&] { Source(bench, fields); });
  };
  const auto check = [&](const std::string& fields, const std::string& message) {
    const std::string error = failure(fields);
    CAPTURE(error);
    CHECK(error.find("test.prototxt:1:") == 0);
    CHECK(error.find(message) != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
  };
  const std::string images = folder.write("images", images_of(5));
  const std::string labels = folder.write("labels", labels_of(5));
  check(idx_fields(folder.file("no"), labels), "can't be opened");
  check(idx_fields(images, folder.write("four", labels_of(4))), "5 images but 4 labels");
  check(idx_fields(labels, images), "are the two swapped?");
  check(idx_fields(folder.write("text", "hello, world"), labels), "isn't an IDX file");
  check(idx_fields(folder.write("short", images_of(5).substr(0, 20)), labels),
        "is cut off: 4 bytes of data");
  check(idx_fields(folder.write("stub", std::string("\0\0\x08\x03\0\0", 6)), labels),
        "ends within its header");
  check(idx_fields(folder.write("long", images_of(5) + "x"), labels), "is longer than");
  check(idx_fields(folder.write("huge", idx({4000000000u, 4000000000u, 4u}, "")), labels),
        "claims more than");
  const std::string gzipped = gzip(folder.file("whole.gz"), images_of(5));
  std::filesystem::resize_file(gzipped, std::filesystem::file_size(gzipped) - 12);
  check(idx_fields(gzipped, labels), "whole.gz");
  check("type: 'IdxData' top: 'a' idx_data_param { batch_size: 4 }", "images isn't set");
  check("type: 'IdxData' top: 'a' idx_data_param { images: '" + images + "' }",
        "batch_size isn't set");

  write_hdf5(folder.file("good.h5"), 2, 0);
  write_hdf5(folder.file("uneven.h5"), 3, 0, 2);
  check(hdf5_fields(folder.file("no")), "can't open the list");
  check(hdf5_fields(folder.write("empty", "\n")), "names no files");
  check(hdf5_fields(folder.write("l1", "no.h5\n")), "no.h5': can't be opened");
  folder.write("text.h5", "not HDF5");
  check(hdf5_fields(folder.write("l2", "text.h5\n")), "text.h5': can't be opened");
  check(hdf5_fields(folder.write("l3", "good.h5\nuneven.h5\n")), "'y' has 2 rows but 'x' has 3");
  check("type: 'HDF5Data' top: 'z' hdf5_data_param { batch_size: 1 source: '" +
            folder.write("l4", "good.h5\n") + "' }",
        "there is no dataset 'z'");

  check("type: 'Data' top: 'a' data_param { backend: LMDB batch_size: 1 source: '" +
            folder.file("no") + "' }",
        "there is no such folder");
  check("type: 'Data' top: 'a' data_param { backend: LEVELDB batch_size: 1 source: 'x' }",
        "LEVELDB");
}
