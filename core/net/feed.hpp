// Feeds a net from a data source: a prefetch thread reads samples, runs the transforms and fills
// batches ahead.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <dlrun/abi.h>

#include "core/config/node.hpp"
#include "core/host/instance.hpp"
#include "core/host/params.hpp"
#include "core/net/catalogue.hpp"

namespace dlrun::net {

class Feed {
 public:
  // Opens the source that serves the layer's type. Reads the first sample to learn shapes.
  Feed(const config::Node& layer, Catalogue& catalogue, uint32_t dtype, bool is_training,
       uint64_t seed);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  const std::string& name() const { return name_; }
  const std::string& plugin_file() const { return plugin_file_; }
  // Batch first: [N, ...].
  const std::vector<dlr_tensor_desc>& tops() const { return tops_; }
  uint64_t batch_size() const { return batch_size_; }
  uint64_t length() const { return length_; }

  // The number of samples handed out: what a snapshot holds of a source.
  uint64_t position() const { return position_; }
  void seek(uint64_t position);

  // Copies the next batch to plain memory of each top (null: not wanted). Waits for it if need be.
  void next(const std::vector<void*>& tops);
  // Seconds spent waiting in next() so far.
  double waited() const { return waited_; }

 private:
  struct TransformStep {
    host::Instance<dlr_transform_type> transform;
    dlr_random_key key;        // its own: neither the source nor another step draws the same
    std::vector<char> result;  // memory of a step that isn't the last
    std::string plugin_file;
  };
  struct Batch {
    std::vector<std::vector<char>> tops;
    uint64_t position = 0;
    std::exception_ptr failure;
  };

  void open(const config::Node& layer, Catalogue& catalogue, bool is_training);
  void learn_shapes();
  void read_sample(uint64_t position);
  void fill(Batch& batch, uint64_t position);
  void store(const dlr_array& sample, int top, uint64_t row, uint64_t position, Batch& batch);
  dlr_array transformed_shape(const dlr_array& sample);
  void transform(dlr_array sample, uint64_t position, float* out, uint64_t elements);
  void work();
  void stop();

  std::string name_;
  std::string subject_;
  base::Location where_;
  std::string plugin_file_;
  uint32_t dtype_;
  host::ParamsOwner params_owner_;
  dlr_random_key key_;
  host::Instance<dlr_source_type> source_;
  std::vector<TransformStep> transforms_;
  std::vector<bool> transforms_top_;
  std::vector<dlr_array> sample_;
  std::vector<dlr_tensor_desc> tops_;
  std::vector<float> transformed_;  // a transformed sample on its way to float64
  uint64_t batch_size_ = 0;
  uint64_t length_ = 0;
  uint64_t position_ = 0;
  double waited_ = 0;

  // Batches go round: free -> filled by the thread -> ready -> copied out -> free.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Batch>> free_;
  std::vector<std::unique_ptr<Batch>> ready_;
  uint64_t next_position_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dlrun::net
