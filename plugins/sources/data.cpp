// Data: images and labels from a database of Datums, raw or encoded, in the order of their keys.
//   top 0: images [N, C, H, W], bytes or floats;  top 1 (optional): labels [N]
#include <dlrun/plugin.hpp>
#include <dlrun/source.hpp>

#include "data.proto.inc"

namespace {

using dlrun::Params;

// A database read from front to end, again and again; the entry at a position needs no memory of
// the past.
class EndlessReader {
 public:
  explicit EndlessReader(const Params& params)
      : path_(path_of(params)), database_(open(params, path_)), count_(database_.count()) {
    if (count_ == 0) params.fail("source", "the database '" + path_ + "' has no entries");
  }

  uint64_t count() const { return count_; }
  const std::string& path() const { return path_; }

  // Fast for the entry behind the last one read; else walks there.
  void read(uint64_t position, std::string_view& key, std::string_view& value) {
    const uint64_t wanted = position % count_;
    if (wanted < next_ || !started_) rewind();
    for (; next_ <= wanted; ++next_) {
      if (!database_.next(key, value)) {
        throw dlrun::Error("the database '" + path_ + "' ends at entry " + std::to_string(next_) +
                               " of " + std::to_string(count_) + "; is it being written?",
                           DLR_IO_ERROR);
      }
    }
  }

 private:
  static std::string path_of(const Params& params) {
    if (!params.has("source"))
      params.fail("source", "source isn't set; give the folder of the database");
    return params.path("source");
  }

  static dlrun::DatabaseReader open(const Params& params, const std::string& path) {
    try {
      return {params, params.get<std::string>("backend"), path};
    } catch (const dlrun::HostError& error) {
      params.fail("source", error.what());
    }
  }

  void rewind() {
    database_.first();
    next_ = 0;
    started_ = true;
  }

  std::string path_;
  dlrun::DatabaseReader database_;
  uint64_t count_;
  uint64_t next_ = 0;  // the entry under the cursor
  bool started_ = false;
};

class Data : public dlrun::Source {
 public:
  Data(const Params& layer, int n_tops, dlr_random_key key)
      : Data(layer.message("data_param"), layer.message("transform_param"), n_tops, key) {}

  dlrun::SourceInfo info() const override { return {batch_size_, reader_.count()}; }

  void read(uint64_t position, dlr_array* arrays) override {
    std::string_view key;
    std::string_view value;
    reader_.read(position + skip_, key, value);
    const dlr_datum datum = decode(key, value);
    arrays[0] = datum.pixels;
    if (n_tops_ < 2) return;
    label_ = datum.label;
    arrays[1] = dlrun::make_array(&label_, DLR_I64, {});
  }

 private:
  Data(const Params& params, const Params& transform, int n_tops, dlr_random_key key)
      : reader_(params), n_tops_(n_tops), batch_size_(params.get<uint64_t>("batch_size")) {
    if (batch_size_ == 0) params.fail("batch_size", "batch_size isn't set; give 1 or more");
    const bool force_gray = transform.get<bool>("force_gray");
    const bool force_color =
        transform.get<bool>("force_color") || params.get<bool>("force_encoded_color");
    if (force_gray && force_color)
      transform.fail("force_gray", "give force_gray or force_color, not both");
    channels_ = force_color ? 3 : force_gray ? 1 : 0;
    const uint64_t rand_skip = params.get<uint64_t>("rand_skip");
    skip_ = static_cast<uint64_t>(dlr_random_uniform({key.seed, ~key.stream}, 0) *
                                  static_cast<double>(rand_skip));
  }

  dlr_datum decode(std::string_view key, std::string_view value) {
    try {
      return decoder_.datum(value, channels_);
    } catch (const dlrun::HostError& error) {
      throw dlrun::Error(
          "'" + reader_.path() + "', entry '" + std::string(key) + "': " + error.what(),
          error.code());
    }
  }

  EndlessReader reader_;
  dlrun::Decoder decoder_;
  int n_tops_;
  uint64_t batch_size_;
  uint64_t skip_ = 0;
  uint32_t channels_ = 0;  // 0: as stored
  int64_t label_ = 0;
};

constexpr dlr_source_type kData = dlrun::source_type<Data>(1, 2);

}  // namespace

DLR_PLUGIN("org.dlrun.data", "0.1.0", data_proto,
           DLR_PROVIDE("dlrun.source/1", "Data", "images and labels from a database", kData));
