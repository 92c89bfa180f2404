// The second step of building a net: which values share a buffer (views, in-place layers), and
// which buffers share memory because their lives don't overlap.
//
// Time runs over both passes: stage s of T works forward at time s and backward at time 2T-1-s.
#include <algorithm>
#include <numeric>

#include "core/net/net.hpp"

namespace dlrun::net {
namespace {

struct Life {
  int first = 0;
  int last = 0;
  bool overlaps(const Life& other) const { return first <= other.last && other.first <= last; }
  void include(int time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

// One buffer to be: the tensors that use it, its bytes and its life.
struct PlannedBuffer {
  std::vector<dlr_tensor*> tensors;
  uint64_t bytes = 0;
  Life life;
  bool pinned = false;  // shares memory with no other buffer
};

// Sets of indices that can be joined.
class Groups {
 public:
  explicit Groups(size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0); }
  int find(int i) const {
    while (parent_[static_cast<size_t>(i)] != i)
      i = parent_[static_cast<size_t>(i)];
    return i;
  }
  void join(int into, int other) { parent_[static_cast<size_t>(find(other))] = find(into); }

 private:
  std::vector<int> parent_;
};

}  // namespace

class MemoryPlanner {
 public:
  explicit MemoryPlanner(Net& net)
      : net_(net),
        n_(static_cast<int>(net.stages_.size())),
        data_(net.values_.size()),
        gradients_(net.values_.size()) {}

  void plan() {
    join_data();
    join_gradients();
    plan_data();
    plan_gradients();
    plan_reserves();
    assign_slots();
    plan_scratch();
    add_params();
  }

 private:
  Stage& stage(int index) const { return *net_.stages_[static_cast<size_t>(index)]; }
  Value& value(int index) const { return *net_.values_[static_cast<size_t>(index)]; }
  int backward_time(int stage) const { return 2 * n_ - 1 - stage; }
  bool keep_all() const { return net_.options_.keep_all; }

  // Whether the stage's backward reads the data of that bottom, or top.
  bool backward_reads_bottom(const Use& use) const {
    const Stage& reader = stage(use.stage);
    return reader.runs_backward && !reader.is_view &&
           reader.layer->bottom_facts[static_cast<size_t>(use.bottom)].data_needed_in_backward != 0;
  }
  bool backward_reads_top(const Value& v) const {
    const Stage& maker = stage(v.producer);
    return maker.runs_backward && !maker.is_view &&
           maker.layer->top_facts[static_cast<size_t>(v.producer_top)].data_needed_in_backward != 0;
  }
  // Fed from outside, or looked at after the pass, as the objective's parts are.
  bool is_observed(const Value& v) const {
    return v.uses.empty() || v.loss_weight != 0 || stage(v.producer).bottoms.empty() || keep_all();
  }

  void join_data() {
    for (int s = 0; s < n_; ++s) {
      Stage& maker = stage(s);
      if (!maker.layer) continue;
      for (size_t top = 0; top < maker.tops.size(); ++top) {
        const dlr_top_facts& facts = maker.layer->top_facts[top];
        if (facts.view_of >= 0) {
          data_.join(maker.bottoms[static_cast<size_t>(facts.view_of)], maker.tops[top]);
        } else if (facts.inplace_of >= 0 && may_overwrite(s, facts.inplace_of, maker.tops[top])) {
          data_.join(maker.bottoms[static_cast<size_t>(facts.inplace_of)], maker.tops[top]);
        }
      }
    }
  }

  // Whether stage s may write its top over its bottom: nobody reads any value of that buffer
  // afterwards.
  bool may_overwrite(int s, int bottom, int top) const {
    const int below = stage(s).bottoms[static_cast<size_t>(bottom)];
    if (!memory::same_shape(value(below).data.desc, value(top).data.desc)) return false;
    int reads_here = 0;
    for (int v = 0; v < top; ++v) {
      if (data_.find(v) != data_.find(below)) continue;
      if (is_observed(value(v)) || backward_reads_top(value(v))) return false;
      for (const Use& use : value(v).uses) {
        if (use.stage > s || backward_reads_bottom(use)) return false;
        if (use.stage == s) ++reads_here;
      }
    }
    return reads_here == 1;
  }

  void join_gradients() {
    for (size_t v = 0; v < net_.values_.size(); ++v) {
      Value& below = value(static_cast<int>(v));
      if (below.parts.empty()) continue;
      const GradientPart& first = below.parts.front();
      const Stage& reader = stage(first.use.stage);
      if (first.view_top >= 0) {
        if (below.parts.size() == 1 || !value(first.view_top).parts.empty()) {
          gradients_.join(static_cast<int>(v), first.view_top);
        }
        continue;
      }
      const int top =
          reader.layer->bottom_facts[static_cast<size_t>(first.use.bottom)].gradient_inplace_of;
      if (top < 0 || keep_all() || below.parts.size() != 1) continue;
      const int above = reader.tops[static_cast<size_t>(top)];
      if (value(above).parts.empty() || is_joined(above)) continue;
      if (!memory::same_shape(value(above).data.desc, below.data.desc)) continue;
      gradients_.join(static_cast<int>(v), above);
      joined_.push_back(above);
    }
  }

  // Another bottom of the same layer has taken this top's gradient already.
  bool is_joined(int value) const {
    return std::find(joined_.begin(), joined_.end(), value) != joined_.end();
  }

  void plan_data() {
    std::vector<int> buffer_of(net_.values_.size(), -1);
    for (size_t v = 0; v < net_.values_.size(); ++v) {
      Value& made = value(static_cast<int>(v));
      PlannedBuffer& buffer = group_buffer(buffer_of, data_, static_cast<int>(v), made.producer);
      add_tensor(buffer, made.data);
      buffer.life.include(made.producer);
      for (const Use& use : made.uses) {
        buffer.life.include(use.stage);
        if (backward_reads_bottom(use)) buffer.life.include(backward_time(use.stage));
      }
      if (backward_reads_top(made)) buffer.life.include(backward_time(made.producer));
      buffer.pinned = buffer.pinned || is_observed(made);
    }
  }

  void plan_gradients() {
    std::vector<int> buffer_of(net_.values_.size(), -1);
    for (size_t v = 0; v < net_.values_.size(); ++v) {
      Value& made = value(static_cast<int>(v));
      if (!made.needs_gradient) continue;
      PlannedBuffer& buffer =
          group_buffer(buffer_of, gradients_, static_cast<int>(v), backward_time(made.producer));
      add_tensor(buffer, made.gradient);
      buffer.life.include(backward_time(made.producer));
      for (const GradientPart& part : made.parts)
        buffer.life.include(backward_time(part.use.stage));
      buffer.pinned =
          buffer.pinned || made.parts.empty() || stage(made.producer).bottoms.empty() || keep_all();
      plan_parts(made);
    }
  }

  // The first part is the gradient itself; the others have memory of their own for one step.
  void plan_parts(Value& made) {
    for (size_t i = 0; i < made.parts.size(); ++i) {
      GradientPart& part = made.parts[i];
      if (part.view_top >= 0) continue;
      if (i == 0) {
        part.tensor = &made.gradient;
        continue;
      }
      net_.extra_tensors_.push_back(
          std::make_unique<dlr_tensor>(dlr_tensor{made.gradient.desc, nullptr}));
      part.tensor = net_.extra_tensors_.back().get();
      PlannedBuffer buffer;
      const int time = backward_time(part.use.stage);
      buffer.life = {time, time};
      add_tensor(buffer, *part.tensor);
      buffers_.push_back(std::move(buffer));
    }
  }

  void plan_reserves() {
    for (int s = 0; s < n_; ++s) {
      if (!stage(s).layer) continue;
      for (ScratchDecl& scratch : stage(s).layer->scratch) {
        if (!scratch.reserve) continue;
        PlannedBuffer buffer;
        buffer.life = {s, stage(s).runs_backward ? backward_time(s) : s};
        add_tensor(buffer, scratch.tensor);
        buffers_.push_back(std::move(buffer));
      }
    }
  }

  PlannedBuffer& group_buffer(std::vector<int>& buffer_of, const Groups& groups, int v, int time) {
    int& index = buffer_of[static_cast<size_t>(groups.find(v))];
    if (index < 0) {
      index = static_cast<int>(buffers_.size());
      PlannedBuffer buffer;
      buffer.life = {time, time};
      buffers_.push_back(std::move(buffer));
    }
    return buffers_[static_cast<size_t>(index)];
  }

  static void add_tensor(PlannedBuffer& buffer, dlr_tensor& tensor) {
    buffer.tensors.push_back(&tensor);
    buffer.bytes = std::max(buffer.bytes, memory::plain_bytes(tensor.desc));
  }

  // Largest first, each into the first slot whose tenants' lives it doesn't meet.
  void assign_slots() {
    std::vector<size_t> order(buffers_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return buffers_[a].bytes > buffers_[b].bytes; });
    struct Planned {
      std::vector<Life> lives;
      bool pinned;
    };
    std::vector<Planned> slots;
    for (const size_t index : order) {
      const PlannedBuffer& buffer = buffers_[index];
      net_.memory_.values_unshared += buffer.bytes;
      size_t slot = 0;
      while (slot < slots.size() &&
             (buffer.pinned || slots[slot].pinned || meets(slots[slot].lives, buffer.life)))
        ++slot;
      if (slot == slots.size()) {
        slots.push_back({{}, buffer.pinned});
        net_.memory_.values += buffer.bytes;  // the largest tenant comes first
      }
      slots[slot].lives.push_back(buffer.life);
      give(buffer.tensors, static_cast<int>(slot));
    }
    net_.n_slots_ = static_cast<int>(slots.size());
  }

  static bool meets(const std::vector<Life>& lives, const Life& life) {
    return std::any_of(lives.begin(), lives.end(),
                       [&](const Life& other) { return other.overlaps(life); });
  }

  // The i-th scratch of every layer shares one slot: only one layer runs at a time.
  void plan_scratch() {
    std::vector<uint64_t> bytes;
    for (int s = 0; s < n_; ++s) {
      if (!stage(s).layer) continue;
      size_t i = 0;
      for (ScratchDecl& scratch : stage(s).layer->scratch) {
        if (scratch.reserve) continue;
        if (i == bytes.size()) bytes.push_back(0);
        bytes[i] = std::max(bytes[i], memory::plain_bytes(scratch.tensor.desc));
        give({&scratch.tensor}, net_.n_slots_ + static_cast<int>(i));
        ++i;
      }
    }
    net_.n_slots_ += static_cast<int>(bytes.size());
    net_.memory_.scratch = std::accumulate(bytes.begin(), bytes.end(), uint64_t{0});
  }

  void add_params() {
    for (const auto& param : net_.params_) {
      net_.memory_.params +=
          memory::plain_bytes(param->data.desc) * (param->wants_gradient ? 2 : 1);
    }
  }

  void give(const std::vector<dlr_tensor*>& tensors, int slot) {
    const int buffer = static_cast<int>(net_.buffer_slots_.size());
    net_.buffer_slots_.push_back(slot);
    for (dlr_tensor* tensor : tensors)
      net_.tensor_buffers_.emplace_back(tensor, buffer);
  }

  Net& net_;
  int n_;
  Groups data_;
  Groups gradients_;
  std::vector<int> joined_;
  std::vector<PlannedBuffer> buffers_;
};

const MemorySummary& Net::plan_memory() {
  if (!memory_planned_) MemoryPlanner(*this).plan();
  memory_planned_ = true;
  return memory_;
}

}  // namespace dlrun::net
