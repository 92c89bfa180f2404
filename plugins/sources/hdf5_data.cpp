// HDF5Data: rows of datasets in HDF5 files; each top takes the dataset of its name.
//   top t: dataset [rows, ...] gives [N, ...]
// One file is held in memory at a time.
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include <fstream>
#include <optional>

#include "hdf5_data.proto.inc"
#include "hdf5_rows.hpp"
#include "shuffle.hpp"

namespace {

using dlrun::Params;

// The paths that a list names, one a line; relative to the current folder where they exist there,
// else to the list's.
std::vector<std::string> read_list(const Params& params) {
  if (!params.has("source"))
    params.fail("source", "source isn't set; give a text file that lists HDF5 files");
  const std::string list = params.path("source");
  std::ifstream file(list);
  if (!file) params.fail("source", "can't open the list '" + list + "'; check the path");
  std::vector<std::string> paths;
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    std::string path = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
    if (path[0] != '/' && !std::ifstream(path)) path = list.substr(0, list.rfind('/') + 1) + path;
    paths.push_back(path);
  }
  if (paths.empty()) params.fail("source", "the list '" + list + "' names no files");
  return paths;
}

class Hdf5Data : public dlrun::Source {
 public:
  Hdf5Data(const Params& layer, int, dlr_random_key key)
      : Hdf5Data(layer.message("hdf5_data_param"), layer.all<std::string>("top"), key) {}

  dlrun::SourceInfo info() const override { return {batch_size_, total_rows_}; }

  void read(uint64_t position, dlr_array* arrays) override {
    enter_epoch(position / total_rows_);
    uint64_t row = position % total_rows_;
    size_t turn = 0;
    while (row >= files_[file_order_[turn]].layout.rows)
      row -= files_[file_order_[turn++]].layout.rows;
    load(file_order_[turn]);
    if (shuffle_) row = row_order_[row];
    for (size_t top = 0; top < datasets_.size(); ++top) {
      const RowType& type = types_[top];
      arrays[top] =
          dlrun::make_array(tables_[top].data() + row * type.bytes(), type.dtype, type.shape);
    }
  }

 private:
  struct File {
    std::string path;
    Hdf5Layout layout;
  };

  Hdf5Data(const Params& params, std::vector<std::string> datasets, dlr_random_key key)
      : datasets_(std::move(datasets)),
        batch_size_(params.get<uint64_t>("batch_size")),
        shuffle_(params.get<bool>("shuffle")),
        key_(key) {
    if (batch_size_ == 0) params.fail("batch_size", "batch_size isn't set; give 1 or more");
    for (const std::string& path : read_list(params))
      add_file(params, path);
  }

  void add_file(const Params& params, const std::string& path) {
    File file{path, {}};
    try {
      file.layout = inspect_hdf5(path, datasets_);
    } catch (const dlrun::Error& error) {
      params.fail("source", error.what());
    }
    for (size_t top = 0; top < datasets_.size() && !files_.empty(); ++top) {
      const dlrun::Shape& expected = files_[0].layout.types[top].shape;
      const dlrun::Shape& found = file.layout.types[top].shape;
      if (found == expected) continue;
      params.fail("source", "'" + path + "': the rows of dataset '" + datasets_[top] + "' are " +
                                found.text() + " but those of '" + files_[0].path + "' are " +
                                expected.text());
    }
    total_rows_ += file.layout.rows;
    files_.push_back(std::move(file));
  }

  // Each epoch has an order of files, and one of rows within each file.
  uint64_t order_number(uint64_t epoch, uint64_t which) const {
    return epoch * (files_.size() + 1) + which;
  }

  void enter_epoch(uint64_t epoch) {
    if (epoch_ == epoch) return;
    const bool same_order = epoch_ && !shuffle_;
    epoch_ = epoch;
    if (same_order) return;
    file_order_ =
        shuffle_ ? shuffled(files_.size(), key_, order_number(epoch, 0)) : in_order(files_.size());
    rows_of_.reset();
  }

  // Makes `file` the one in memory, and its order of rows that of the epoch.
  void load(uint64_t file) {
    if (loaded_ != file) {
      loaded_.reset();
      tables_.clear();
      tables_ = load_hdf5(files_[file].path, datasets_, files_[file].layout);
      types_ = files_[file].layout.types;
      loaded_ = file;
    }
    if (!shuffle_ || rows_of_ == file) return;
    row_order_ = shuffled(files_[file].layout.rows, key_, order_number(*epoch_, file + 1));
    rows_of_ = file;
  }

  std::vector<std::string> datasets_;  // by top
  uint64_t batch_size_;
  bool shuffle_;
  dlr_random_key key_;
  std::vector<File> files_;
  uint64_t total_rows_ = 0;

  std::optional<uint64_t> epoch_;
  std::vector<uint64_t> file_order_;  // of this epoch
  std::optional<uint64_t> rows_of_;   // the file whose rows row_order_ is about
  std::vector<uint64_t> row_order_;

  std::optional<uint64_t> loaded_;  // the file in memory
  std::vector<std::vector<char>> tables_;
  std::vector<RowType> types_;
};

constexpr dlr_source_type kHdf5Data = dlrun::source_type<Hdf5Data>(1, DLR_UNBOUNDED);

}  // namespace

DLR_PLUGIN("org.dlrun.hdf5data", "0.1.0", hdf5_data_proto,
           DLR_PROVIDE("dlrun.source/1", "HDF5Data", "rows of datasets in HDF5 files", kHdf5Data));
