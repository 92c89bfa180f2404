// IdxData: images and labels from the raw MNIST files, held in memory.
//   top 0: images [N, 1, H, W], bytes;  top 1 (optional): labels [N]
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include "idx_data.proto.inc"
#include "idx_file.hpp"
#include "shuffle.hpp"

namespace {

using dlrun::Params;

std::string required_path(const Params& params, const char* field) {
  if (!params.has(field))
    params.fail(field, std::string(field) + " isn't set; give the path of the IDX file");
  return params.path(field);
}

IdxFile read_file(const Params& params, const char* field, int rank) {
  const std::string path = required_path(params, field);
  try {
    return read_idx_file(path, rank);
  } catch (const dlrun::Error& error) {
    params.fail(field, error.what());
  }
}

class IdxData : public dlrun::Source {
 public:
  IdxData(const Params& layer, int n_tops, dlr_random_key key)
      : IdxData(layer.message("idx_data_param"), key, n_tops) {}

  dlrun::SourceInfo info() const override { return {batch_size_, images_.dims[0]}; }

  void read(uint64_t position, dlr_array* arrays) override {
    const uint64_t index = order_.at(position);
    const dlrun::Shape shape = {1, images_.dims[1], images_.dims[2]};
    arrays[0] = dlrun::make_array(
        images_.bytes.data() + index * static_cast<uint64_t>(shape.count()), DLR_U8, shape);
    if (!labels_.bytes.empty()) arrays[1] = dlrun::make_array(&labels_.bytes[index], DLR_U8, {});
  }

 private:
  IdxData(const Params& params, dlr_random_key key, int n_tops)
      : images_(read_file(params, "images", 3)),
        batch_size_(params.get<uint64_t>("batch_size")),
        order_(images_.dims[0], params.get<bool>("shuffle"), key) {
    if (batch_size_ == 0) params.fail("batch_size", "batch_size isn't set; give 1 or more");
    if (n_tops < 2) return;
    labels_ = read_file(params, "labels", 1);
    if (labels_.dims[0] != images_.dims[0]) {
      params.fail("labels", "there are " + std::to_string(images_.dims[0]) + " images but " +
                                std::to_string(labels_.dims[0]) +
                                " labels; the two files don't belong together");
    }
  }

  IdxFile images_;
  IdxFile labels_;
  uint64_t batch_size_;
  EpochOrder order_;
};

constexpr dlr_source_type kIdxData = dlrun::source_type<IdxData>(1, 2);

}  // namespace

DLR_PLUGIN("org.dlrun.idxdata", "0.1.0", idx_data_proto,
           DLR_PROVIDE("dlrun.source/1", "IdxData", "images and labels from the raw MNIST files",
                       kIdxData));
