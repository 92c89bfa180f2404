// A net: layers in order, the values between them, and the memory both live in.
//
// Building goes in three steps, so that a configuration can be checked without a device: the
// constructor makes the layers and knows every shape (build.cpp, gradient_flow.cpp); plan_memory()
// decides who shares memory (memory_plan.cpp); prepare() plans operators on devices (placement.cpp,
// fusion.cpp) and fills the parameters (prepare.cpp). forward() is then one loop over the stages,
// backward() one loop back (passes.cpp).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/node.hpp"
#include "core/memory/buffer.hpp"
#include "core/net/catalogue.hpp"
#include "core/net/executor.hpp"
#include "core/net/feed.hpp"
#include "core/net/layer_node.hpp"
#include "core/net/net_state.hpp"

namespace dlrun::net {

enum class Fallback { kError, kWarn, kAllow };

struct NetOptions {
  NetState state;
  uint32_t dtype = DLR_F32;
  uint64_t seed = 1;
  int threads = 0;                             // 0: one per core
  Fallback fallback = Fallback::kError;        // for layers on the job's device
  Fallback named_fallback = Fallback::kError;  // for layers that name a device themselves
  bool keep_all = false;  // values don't share memory, so that each can be looked at after a pass
  bool force_backward = false;  // gradients down to the inputs; also by the net's own field
};

// Who reads a value: a stage's bottom.
struct Use {
  int stage;
  int bottom;
};

// One contribution to a value's gradient: what one reader's backward writes, or for a view the
// gradient of its top.
struct GradientPart {
  Use use;
  int view_top = -1;  // value whose gradient this is; -1: the reader writes `tensor`
  dlr_tensor* tensor =
      nullptr;  // where the reader writes: the value's own gradient for the first part
};

// What a layer's top computes, or a source delivers. An in-place layer makes a new value of the
// same name.
struct Value {
  std::string name;
  dlr_tensor data{};
  dlr_tensor gradient{};
  int producer = -1;  // stage
  int producer_top = 0;
  std::vector<Use> uses;
  bool needs_gradient = false;
  double loss_weight = 0;           // its part in the objective
  std::vector<GradientPart> parts;  // in the order of backward; empty: set from outside
  // Full of loss_weight, a further part: where layers read a value that is in the objective itself.
  std::unique_ptr<dlr_tensor> loss_part;
};

// A learnable parameter or a layer's kept state; layers that share it by name are its users.
struct Param {
  std::string name;   // for sharing; may be empty
  std::string layer;  // the owner's
  int index = 0;      // among the owner's parameters
  dlr_tensor data{};
  dlr_tensor gradient{};
  const dlr_params* filler = nullptr;
  double value = 0;  // at first, without a filler
  double lr_mult = 1;
  double decay_mult = 1;
  bool is_state = false;
  bool wants_gradient = false;
  bool gradient_written = false;       // in this iteration
  std::unique_ptr<dlr_tensor> beside;  // for gradients after the first of an iteration
  config::Node where;                  // the owner
};

// Behind a stage's backward: a part of a gradient that is copied to (the first) or added to the
// whole.
struct SumStep {
  dlr_tensor* from;
  dlr_tensor* to;
  bool is_first;
};

// A layer with its place in the net; or a data source.
struct Stage {
  std::string name;
  config::Node config;
  std::unique_ptr<LayerNode> layer;
  std::unique_ptr<Feed> feed;
  std::vector<int> bottoms;  // values
  std::vector<int> tops;
  std::vector<bool> wants_gradient;  // by bottom
  bool runs_backward = false;
  bool is_view = false;  // every top is a bottom in another shape: nothing to run
  std::vector<SumStep> sums;
  Stage* fused_into = nullptr;         // whose operator computes this one's forward as well
  std::string placed_on_host_because;  // all of it, or what is not an operator of its device
};

// Bytes in plain layouts, at most.
struct MemorySummary {
  uint64_t values = 0;
  uint64_t values_unshared = 0;  // what values and gradients would take without sharing
  uint64_t params = 0;           // with their gradients
  uint64_t scratch = 0;
  uint64_t total() const { return values + params + scratch; }
};

// Told about every stage's work; for timing.
class StageObserver {
 public:
  virtual ~StageObserver() = default;
  virtual void before(size_t stage, bool backward) = 0;
  virtual void after(size_t stage, bool backward) = 0;
};

class Net {
 public:
  Net(const config::Node& net, Catalogue& catalogue, const NetOptions& options);
  ~Net();
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  // Works without devices: slots and sizes only.
  const MemorySummary& plan_memory();
  // `twin` lends its parameters by layer name (a test net's train net).
  void prepare(const Devices& devices, Net* twin = nullptr);

  // One pass; returns the objective: the sum of the losses, weighted.
  double forward();
  void backward();
  // Gradients of parameters begin anew with the next backward instead of adding up.
  void begin_iteration();
  // The number that keys the random numbers of the next pass; each forward adds one.
  void set_pass(uint64_t pass) { pass_ = pass; }
  uint64_t pass() const { return pass_; }

  const std::string& name() const { return name_; }
  const NetOptions& options() const { return options_; }
  const std::vector<std::unique_ptr<Stage>>& stages() const { return stages_; }
  const std::vector<std::unique_ptr<Value>>& values() const { return values_; }
  const std::vector<std::unique_ptr<Param>>& params() const { return params_; }
  Value* find_value(const std::string& name);  // the last one of that name, or null
  Stage* find_stage(const std::string& name);
  Param* find_param(const std::string& layer, int index);
  // Unconsumed values, in the order they are made.
  std::vector<Value*> outputs();

  // Copies between a tensor and host memory of the net's element type, in plain order.
  void read(const dlr_tensor& tensor, void* out);
  void write(dlr_tensor& tensor, const void* values);
  double read_scalar(const dlr_tensor& tensor);  // the first element
  double loss_of(const Value& value);            // the sum of its elements, not weighted

  // All on which something of it runs.
  std::vector<memory::Device*> devices() const;
  // Null: nobody. The observer must outlive the passes.
  void observe(StageObserver* observer) { observer_ = observer; }
  // Passes do everything but kernels, operators and reading data; to see what dispatch costs.
  void skip_work();
  // Told of every copy and conversion; null: nobody.
  void observe_moves(memory::MoveObserver* observer) { traffic_.observer = observer; }
  // Waits until all issued work is done.
  void synchronize();

  // For work that belongs to no layer (the solver's), on the job's device.
  Executor& executor() { return *main_executor_; }
  // A tensor of its own, zeros at first.
  std::unique_ptr<dlr_tensor> make_tensor(const dlr_tensor_desc& desc);

  const memory::Traffic& traffic() const { return traffic_; }
  // Lines of the placement report: what runs where, and why; ends with operators_elsewhere.
  std::vector<std::string> placement_report() const;

  // An operator that ran on another device than its layers.
  struct OperatorElsewhere {
    std::string runner;
    std::string home;  // the layers' device
    std::string op;
    std::string declined;  // "home: why"
    std::vector<std::string> layers;
  };
  // None before the first pass.
  std::vector<OperatorElsewhere> operators_elsewhere() const;
  // A line for each two devices.
  std::vector<std::string> operators_elsewhere_in_short() const;
  double data_wait_seconds() const;

 private:
  friend class Builder;
  friend class MemoryPlanner;

  memory::Buffer& make_buffer(memory::Slot& slot);
  memory::Slot& make_slot();
  void bind_buffers();
  void place_stages();
  void place_stage(Stage& stage);
  void fuse_stages();
  Stage* activation_behind(const Stage& stage) const;
  memory::Device& device_for(const Stage& stage) const;
  Executor& executor_on(memory::Device& device);
  void plan_operators(LayerNode& layer);
  void allocate_for_operators(LayerNode& layer);
  void prepare_layer(Stage& stage);
  int64_t n_layers() const;
  dlr_mem shared_workspace(memory::Device& device, uint64_t bytes);
  void share_params(Net& twin);
  void fill_params();
  void forward_stage(Stage& stage);
  void feed_stage(Stage& stage);
  void backward_stage(Stage& stage);
  void choose_param_gradients(Stage& stage);
  void add_param_gradients(Stage& stage);
  void prepare_gradients(Stage& stage);
  dlr_tensor& beside(Param& param);
  void zero(dlr_tensor& tensor);
  void set_all(Executor& executor, dlr_tensor& tensor, double value) const;
  void set_loss_gradients();
  void copy_tensor(Executor& executor, const dlr_kernel& kernel, dlr_tensor from, dlr_tensor& to);

  std::string name_;
  Catalogue& catalogue_;
  NetOptions options_;
  uint64_t pass_ = 0;
  StageObserver* observer_ = nullptr;
  bool skips_work_ = false;
  Devices devices_;
  memory::TrafficMeter traffic_;
  std::vector<std::unique_ptr<memory::Slot>> slots_;
  std::vector<std::unique_ptr<memory::Buffer>> buffers_;
  std::vector<std::unique_ptr<Executor>> executors_;  // one for each device
  Executor* main_executor_ = nullptr;
  Executor* host_executor_ = nullptr;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<std::unique_ptr<Value>> values_;
  std::vector<std::unique_ptr<Param>> params_;
  std::map<std::string, int> latest_;                       // name -> value
  std::vector<std::unique_ptr<dlr_tensor>> extra_tensors_;  // parts of gradients
  // Which buffer each tensor gets: an index into planned slots; filled by plan_memory.
  std::vector<std::pair<dlr_tensor*, int>> tensor_buffers_;
  std::vector<int> buffer_slots_;  // by planned buffer
  int n_slots_ = 0;
  MemorySummary memory_;
  bool memory_planned_ = false;
  std::vector<void*> feed_addresses_;
  std::vector<std::pair<memory::Device*, dlr_mem>>
      operator_memory_;                            // workspaces and reserves, to release
  std::map<memory::Device*, dlr_mem> workspaces_;  // the largest so far
};

}  // namespace dlrun::net
