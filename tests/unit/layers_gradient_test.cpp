// The gradient of every layer, for every input and parameter, against differences of the objective
// in float64.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/unit/layers_cases.hpp"

namespace dlrun::test {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-6;  // of the larger of 1 and the gradient

// One tensor whose gradient is checked.
struct Checked {
  std::string name;
  dlr_tensor* data;
  dlr_tensor* gradient;
};

class Checker {
 public:
  Checker(LayersBench& bench, const Case& c) : case_(c) {
    net::NetOptions options;
    options.dtype = DLR_F64;
    options.state.is_training = true;
    options.force_backward = true;
    net_ = bench.make_net(net_of(c), options);
    set_inputs();
    for (size_t i = 0; i < net_->params().size(); ++i) {
      net::Param& param = *net_->params()[i];
      checked_.push_back({"parameter " + std::to_string(i), &param.data, &param.gradient});
    }
  }

  void check() {
    objective();
    set_output_gradients();
    net_->begin_iteration();
    net_->backward();
    std::vector<std::vector<double>> gradients;
    for (const Checked& each : checked_)
      gradients.push_back(values_of(*net_, *each.gradient));
    for (size_t i = 0; i < checked_.size(); ++i) {
      INFO(checked_[i].name);
      check(checked_[i], gradients[i]);
    }
    CHECK(!checked_.empty());
  }

 private:
  void set_inputs() {
    inputs_ = input_values(case_, *net_);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      net::Value& input = *net_->values()[i];
      if (input.needs_gradient) {
        checked_.push_back({"input " + std::to_string(i), &input.data, &input.gradient});
      } else {
        CHECK(is_labels(case_.inputs[i]));
      }
    }
  }

  // An in-place layer may have overwritten its input: all are set again for each pass.
  void write_inputs() {
    for (size_t i = 0; i < inputs_.size(); ++i)
      set_values(*net_, net_->values()[i]->data, inputs_[i]);
  }

  // Outputs count with arbitrary weights, losses with theirs. The second top of some layers has no
  // gradient.
  std::vector<net::Value*> weighted_outputs() {
    std::vector<net::Value*> outputs;
    for (net::Value* value : net_->outputs()) {
      if (value->name != "at" && value->name != "p" && value->needs_gradient &&
          value->producer == tested()) {
        outputs.push_back(value);
      }
    }
    return outputs;
  }
  int tested() const { return static_cast<int>(case_.inputs.size()); }

  std::vector<double> weights_of(const net::Value& value) const {
    const auto count = static_cast<size_t>(memory::element_count(value.data.desc));
    if (value.loss_weight != 0) return std::vector<double>(count, value.loss_weight);
    return spread_values(count, 100 + static_cast<uint64_t>(value.producer_top));
  }

  void set_output_gradients() {
    for (net::Value* value : weighted_outputs()) {
      if (value->loss_weight == 0) set_values(*net_, value->gradient, weights_of(*value));
    }
  }

  double objective() {
    write_inputs();
    net_->set_pass(7);
    net_->forward();
    double sum = 0;
    for (net::Value* value : weighted_outputs()) {
      const std::vector<double> values = values_of(*net_, value->data);
      const std::vector<double> weights = weights_of(*value);
      for (size_t i = 0; i < values.size(); ++i)
        sum += weights[i] * values[i];
    }
    return sum;
  }

  void check(const Checked& each, const std::vector<double>& gradient) {
    std::vector<double>* input = nullptr;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (each.data == &net_->values()[i]->data) input = &inputs_[i];
    }
    std::vector<double> own =
        input == nullptr ? values_of(*net_, *each.data) : std::vector<double>();
    std::vector<double>& values = input == nullptr ? own : *input;
    for (size_t i = 0; i < values.size(); ++i) {
      const double before = values[i];
      values[i] = before + kStep;
      if (input == nullptr) set_values(*net_, *each.data, values);
      const double above = objective();
      values[i] = before - kStep;
      if (input == nullptr) set_values(*net_, *each.data, values);
      const double below = objective();
      values[i] = before;
      if (input == nullptr) set_values(*net_, *each.data, values);
      const double expected = (above - below) / (2 * kStep);
      INFO("element ", i);
      CHECK(gradient[i] ==
            doctest::Approx(expected).epsilon(kTolerance).scale(std::max(1.0, std::abs(expected))));
    }
  }

  const Case& case_;
  std::unique_ptr<net::Net> net_;
  std::vector<std::vector<double>> inputs_;
  std::vector<Checked> checked_;
};

void check_all(Operators operators) {
  LayersBench bench(operators);
  for (const Case& c : layer_cases()) {
    INFO(c.layer, ", ", c.name);
    Checker(bench, c).check();
  }
}

TEST_CASE("gradients agree with differences, with the cpu device's operators") {
  check_all(Operators::kOfDevice);
}

TEST_CASE("gradients agree with differences, by portable kernels") {
  check_all(Operators::kNone);
}

TEST_CASE("every layer that has a gradient is checked") {
  LayersBench bench(Operators::kNone);
  std::set<std::string> checked = {"Accuracy", "DummyData", "Input"};  // no gradient
  for (const Case& c : layer_cases())
    checked.insert(c.layer);
  for (const std::string& name : bench.names("layer")) {
    INFO(name);
    CHECK(checked.count(name) == 1);
  }
}

}  // namespace
}  // namespace dlrun::test
