// One case of a layer as a net, with its inputs, parameters and output gradients set to known
// values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/conform/ground.hpp"
#include "core/conform/layer/case.hpp"
#include "core/conform/values.hpp"
#include "core/net/net.hpp"

namespace dlrun::conform {

struct SubjectOptions {
  uint32_t dtype = DLR_F64;
  uint64_t seed = 1;  // the job's random_seed
  Inputs inputs = Inputs::kDirect;
  bool keep_all = true;  // values don't share memory
  net::Fallback fallback = net::Fallback::kError;
  bool with_devices = true;  // else shapes only
};

// Cases to try for an installed type that has none.
std::vector<LayerCase> default_cases(const Ground& ground, const std::string& layer);

class Subject {
 public:
  Subject(const Ground& ground, const LayerCase& layer_case, const SubjectOptions& options = {});

  net::Net& net() { return *net_; }
  net::Stage& stage() { return *net_->find_stage(case_.called); }
  net::LayerNode& layer() { return *stage().layer; }
  net::Value& value(int index) { return *net_->values()[static_cast<std::size_t>(index)]; }
  std::vector<Values>& inputs() { return inputs_; }
  bool has_backward() { return stage().is_view || layer().has_backward(); }

  void forward(uint64_t pass = 7);
  // Sets the gradients of tops that aren't losses, then runs.
  void backward();

  // What the tested layer's tops hold, and the gradients of inputs and parameters.
  std::vector<Values> outputs();
  std::vector<Values> gradients();
  std::vector<dlr_tensor*> gradient_tensors();
  // Of the objective by an output: its loss weight, or arbitrary values; empty for tops without a
  // gradient.
  Values weights_of(const net::Value& value) const;
  void poison(dlr_tensor& tensor);

 private:
  void set_inputs();
  void set_params();

  const LayerCase& case_;
  std::unique_ptr<net::Net> net_;
  std::vector<Values> inputs_;
};

}  // namespace dlrun::conform
