#include "core/net/feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/keys.hpp"
#include "core/base/plugin_call.hpp"
#include "core/host/error.hpp"
#include "core/memory/device.hpp"
#include "core/model_io/host_blob.hpp"

namespace dlrun::net {
namespace {

constexpr int kBatchesAhead = 3;

uint64_t count_of(const dlr_array& array) {
  uint64_t count = 1;
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    count *= static_cast<uint64_t>(array.dim[axis]);
  return count;
}

std::vector<int64_t> shape_of(const dlr_array& array) {
  return {array.dim, array.dim + array.rank};
}

template <class To, class From>
void convert(const void* from, To* to, uint64_t count) {
  const From* values = static_cast<const From*>(from);
  for (uint64_t i = 0; i < count; ++i)
    to[i] = static_cast<To>(values[i]);
}

template <class To>
void convert_array(const dlr_array& from, To* to, uint64_t count) {
  switch (from.dtype) {
    case DLR_U8:
      return convert<To, uint8_t>(from.data, to, count);
    case DLR_F32:
      return convert<To, float>(from.data, to, count);
    case DLR_F64:
      return convert<To, double>(from.data, to, count);
    case DLR_I32:
      return convert<To, int32_t>(from.data, to, count);
    case DLR_I64:
      return convert<To, int64_t>(from.data, to, count);
    default:
      base::fail_work("a source delivered an unknown element type");
  }
}

}  // namespace

Feed::Feed(const config::Node& layer, Catalogue& catalogue, uint32_t dtype, bool is_training,
           uint64_t seed)
    : name_(layer.text("name")),
      subject_(fmt::format("layer '{}': ", name_)),
      where_(layer.where()),
      dtype_(dtype),
      params_owner_(catalogue),
      key_{seed, base::stream_of(name_, is_training ? 0 : 1)} {
  try {
    open(layer, catalogue, is_training);
    learn_shapes();
  } catch (const base::Error& error) {
    if (std::string_view(error.what()).substr(0, subject_.size()) != subject_) throw;
    throw base::Error(error.code(), where_, error.what());
  }
}

Feed::~Feed() {
  stop();
}

void Feed::open(const config::Node& layer, Catalogue& catalogue, bool is_training) {
  const Provided provided =
      catalogue.load("source", layer.text("type"), layer.where("type"), subject_);
  const auto& type = *static_cast<const dlr_source_type*>(provided.type);
  plugin_file_ = provided.plugin_file;
  const int n_tops = layer.count("top");
  if (n_tops < type.min_tops || (type.max_tops != DLR_UNBOUNDED && n_tops > type.max_tops)) {
    layer.fail("top", fmt::format("type '{}' has {} to {} tops, found {}", layer.text("type"),
                                  type.min_tops, type.max_tops, n_tops));
  }
  const base::PluginCall call(subject_, plugin_file_, "create or describe", false);
  source_ = {type, subject_, params_owner_.add(layer), static_cast<uint32_t>(n_tops), key_};
  dlr_source_info info{};
  info.size = sizeof info;
  host::check(source_->describe(source_.self(), &info), subject_);
  batch_size_ = info.batch_size;
  length_ = info.length;
  if (batch_size_ == 0)
    base::fail_input(where_, subject_ + "the batch size is 0, expected at least 1");
  if (length_ == 0) base::fail_input(where_, subject_ + "the source holds no samples");
  for (int top = 0; top < n_tops; ++top) {
    transforms_top_.push_back(source_->transforms_top(source_.self(), static_cast<uint32_t>(top)) !=
                              0);
  }
  sample_.resize(static_cast<size_t>(n_tops));
  for (const std::string& field : layer.fields_set()) {
    if (!catalogue.has("transform", field)) continue;
    const Provided step = catalogue.load("transform", field, layer.where(field), subject_);
    const base::PluginCall making(subject_, step.plugin_file, "create", false);
    transforms_.push_back({{*static_cast<const dlr_transform_type*>(step.type), subject_,
                            params_owner_.add(layer.message(field)), is_training ? 1U : 0U},
                           {key_.seed, key_.stream ^ base::stream_part(base::hash32(field))},
                           {},
                           step.plugin_file});
  }
}

void Feed::read_sample(uint64_t position) {
  dlr_item item{sizeof(dlr_item), sample_.data(), sample_.size()};
  const base::PluginCall call(subject_, plugin_file_, "read", false);
  host::check(source_->read(source_.self(), position, &item), subject_);
}

dlr_array Feed::transformed_shape(const dlr_array& sample) {
  dlr_array shape = sample;
  for (TransformStep& step : transforms_) {
    const dlr_array in = std::exchange(shape, {});
    const base::PluginCall call(subject_, step.plugin_file, "shape", false);
    host::check(step.transform->shape(step.transform.self(), &in, &shape), subject_);
    step.result.resize(count_of(shape) * memory::bytes_of(shape.dtype));
  }
  return shape;
}

void Feed::learn_shapes() {
  read_sample(0);
  for (size_t top = 0; top < sample_.size(); ++top) {
    const bool transforms = transforms_top_[top] && !transforms_.empty();
    const dlr_array shape = transforms ? transformed_shape(sample_[top]) : sample_[top];
    if (shape.rank + 1 > DLR_MAX_RANK)
      base::fail_input(where_, subject_ + "samples have more than 7 axes");
    dlr_tensor_desc desc{};
    desc.size = sizeof desc;
    desc.dtype = dtype_;
    desc.rank = shape.rank + 1;
    desc.dim[0] = static_cast<int64_t>(batch_size_);
    std::copy_n(shape.dim, shape.rank, desc.dim + 1);
    tops_.push_back(desc);
    transformed_.resize(std::max<size_t>(transformed_.size(), count_of(shape)));
  }
}

void Feed::seek(uint64_t position) {
  stop();
  ready_.clear();
  free_.clear();
  position_ = position;
}

void Feed::transform(dlr_array sample, uint64_t position, float* out, uint64_t elements) {
  for (size_t i = 0; i < transforms_.size(); ++i) {
    TransformStep& step = transforms_[i];
    dlr_array result{};
    const base::PluginCall call(subject_, step.plugin_file, "transform", false);
    host::check(step.transform->shape(step.transform.self(), &sample, &result), subject_);
    result.bytes = count_of(result) * memory::bytes_of(result.dtype);
    const bool last = i + 1 == transforms_.size();
    if (last && count_of(result) != elements) {
      base::fail_input(
          where_,
          fmt::format("{}the sample at position {} has shape {}; all samples of a batch need one "
                      "shape: crop or resize them",
                      subject_, position, model_io::shape_to_string(shape_of(result))));
    }
    const bool into_out = last && result.dtype == DLR_F32;
    if (!into_out && step.result.size() < result.bytes) step.result.resize(result.bytes);
    result.data = into_out ? static_cast<void*>(out) : step.result.data();
    host::check(step.transform->apply(step.transform.self(), &sample, step.key, position, &result),
                subject_);
    if (last && !into_out) convert_array(result, out, elements);
    sample = result;
  }
}

void Feed::store(const dlr_array& sample, int top, uint64_t row, uint64_t position, Batch& batch) {
  const dlr_tensor_desc& desc = tops_[static_cast<size_t>(top)];
  const uint64_t elements = static_cast<uint64_t>(memory::element_count(desc)) / batch_size_;
  char* to =
      batch.tops[static_cast<size_t>(top)].data() + row * elements * memory::bytes_of(dtype_);
  if (transforms_top_[static_cast<size_t>(top)] && !transforms_.empty()) {
    if (dtype_ == DLR_F32)
      return transform(sample, position, reinterpret_cast<float*>(to), elements);
    transform(sample, position, transformed_.data(), elements);
    std::copy_n(transformed_.data(), elements, reinterpret_cast<double*>(to));
    return;
  }
  if (count_of(sample) != elements) {
    base::fail_input(
        where_,
        fmt::format("{}the sample at position {} has shape {} for top {}; all samples of a batch "
                    "need one shape",
                    subject_, position, model_io::shape_to_string(shape_of(sample)), top));
  }
  if (dtype_ == DLR_F32) return convert_array(sample, reinterpret_cast<float*>(to), elements);
  convert_array(sample, reinterpret_cast<double*>(to), elements);
}

void Feed::fill(Batch& batch, uint64_t position) {
  batch.position = position;
  batch.failure = nullptr;
  try {
    for (uint64_t row = 0; row < batch_size_; ++row) {
      read_sample(position + row);
      for (size_t top = 0; top < sample_.size(); ++top) {
        store(sample_[top], static_cast<int>(top), row, position + row, batch);
      }
    }
  } catch (...) {
    batch.failure = std::current_exception();
  }
}

void Feed::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || !free_.empty(); });
    if (stopping_) return;
    std::unique_ptr<Batch> batch = std::move(free_.front());
    free_.erase(free_.begin());
    const uint64_t position = next_position_;
    next_position_ += batch_size_;
    lock.unlock();
    fill(*batch, position);
    lock.lock();
    ready_.push_back(std::move(batch));
    changed_.notify_all();
  }
}

void Feed::next(const std::vector<void*>& tops) {
  const auto start = std::chrono::steady_clock::now();
  if (!thread_.joinable()) {
    for (int i = 0; i < kBatchesAhead; ++i) {
      auto batch = std::make_unique<Batch>();
      for (const dlr_tensor_desc& desc : tops_)
        batch->tops.emplace_back(memory::plain_bytes(desc));
      free_.push_back(std::move(batch));
    }
    next_position_ = position_;
    stopping_ = false;
    thread_ = std::thread([this] { work(); });
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty(); });
  std::unique_ptr<Batch> batch = std::move(ready_.front());
  ready_.erase(ready_.begin());
  lock.unlock();
  waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (batch->failure) std::rethrow_exception(batch->failure);
  for (size_t top = 0; top < tops.size(); ++top) {
    if (tops[top] != nullptr)
      std::memcpy(tops[top], batch->tops[top].data(), batch->tops[top].size());
  }
  position_ += batch_size_;
  lock.lock();
  free_.push_back(std::move(batch));
  changed_.notify_all();
}

void Feed::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace dlrun::net
