// What layers declare about themselves holds: data declared unread may hold anything, outputs are
// written in full, memory may be shared, samples are independent.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/unit/layers_cases.hpp"

namespace dlrun::test {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool equal(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  }
  return true;
}

// One case as a net, whose tested layer comes behind its inputs.
class Subject {
 public:
  Subject(LayersBench& bench, const Case& c, Inputs inputs = Inputs::kDirect,
          bool keep_all = true) {
    net::NetOptions options;
    options.dtype = DLR_F64;
    options.state.is_training = true;
    options.force_backward = true;
    options.keep_all = keep_all;
    net_ = bench.make_net(net_of(c, inputs), options);
    inputs_ = input_values(c, *net_);
  }

  net::Net& net() { return *net_; }
  net::Stage& stage() { return *net_->find_stage("tested"); }
  net::LayerNode& layer() { return *stage().layer; }
  net::Value& value(int index) { return *net_->values()[static_cast<size_t>(index)]; }
  std::vector<std::vector<double>>& inputs() { return inputs_; }

  void forward(uint64_t pass = 7) {
    for (size_t i = 0; i < inputs_.size(); ++i)
      set_values(*net_, value(static_cast<int>(i)).data, inputs_[i]);
    net_->set_pass(pass);
    net_->forward();
  }
  void backward() {
    for (net::Value* made : net_->outputs()) {
      if (made->loss_weight != 0 || made->gradient.buffer == nullptr) continue;
      const auto count = static_cast<size_t>(memory::element_count(made->gradient.desc));
      set_values(*net_, made->gradient, spread_values(count, 100));
    }
    net_->begin_iteration();
    net_->backward();
  }

  std::vector<std::vector<double>> outputs() {
    std::vector<std::vector<double>> all;
    for (const int top : stage().tops)
      all.push_back(values_of(*net_, value(top).data));
    return all;
  }
  std::vector<std::vector<double>> gradients() {
    std::vector<std::vector<double>> all;
    for (dlr_tensor* gradient : gradient_tensors())
      all.push_back(values_of(*net_, *gradient));
    return all;
  }
  std::vector<dlr_tensor*> gradient_tensors() {
    std::vector<dlr_tensor*> all;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      net::Value& input = value(static_cast<int>(i));
      if (input.needs_gradient) all.push_back(&input.gradient);
    }
    for (const auto& param : net_->params())
      all.push_back(&param->gradient);
    return all;
  }

  void poison(dlr_tensor& tensor) {
    set_values(*net_, tensor,
               std::vector<double>(static_cast<size_t>(memory::element_count(tensor.desc)), kNaN));
  }

 private:
  std::unique_ptr<net::Net> net_;
  std::vector<std::vector<double>> inputs_;
};

void check_equal(const std::vector<std::vector<double>>& found,
                 const std::vector<std::vector<double>>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("tensor ", i);
    CHECK(equal(found[i], expected[i]));
  }
}

// Calls check(bench, case) for all cases, with the device's operators and without.
template <class Check>
void for_all(const Check& check) {
  for (const Operators operators : {Operators::kOfDevice, Operators::kNone}) {
    LayersBench bench(operators);
    for (const Case& c : layer_cases()) {
      INFO(c.layer, ", ", c.name, operators == Operators::kNone ? ", portable" : "");
      check(bench, c);
    }
  }
}

TEST_CASE("a layer's backward doesn't read data that it declared unneeded") {
  for_all([](LayersBench& bench, const Case& c) {
    Subject subject(bench, c);
    subject.forward();
    subject.backward();
    const auto expected = subject.gradients();
    subject.forward();
    const net::Stage& stage = subject.stage();
    if (stage.is_view) return;
    for (size_t i = 0; i < stage.bottoms.size(); ++i) {
      if (subject.layer().bottom_facts[i].data_needed_in_backward == 0) {
        subject.poison(subject.value(stage.bottoms[i]).data);
      }
    }
    for (size_t i = 0; i < stage.tops.size(); ++i) {
      if (subject.layer().top_facts[i].data_needed_in_backward == 0) {
        subject.poison(subject.value(stage.tops[i]).data);
      }
    }
    subject.backward();
    check_equal(subject.gradients(), expected);
  });
}

TEST_CASE("a layer writes its tops and gradients in full") {
  for_all([](LayersBench& bench, const Case& c) {
    Subject subject(bench, c);
    subject.forward();
    subject.backward();
    const auto outputs = subject.outputs();
    const auto gradients = subject.gradients();
    if (!subject.stage().is_view) {
      for (const int top : subject.stage().tops)
        subject.poison(subject.value(top).data);
    }
    for (dlr_tensor* gradient : subject.gradient_tensors())
      subject.poison(*gradient);
    subject.forward();
    subject.backward();
    check_equal(subject.outputs(), outputs);
    check_equal(subject.gradients(), gradients);
  });
}

TEST_CASE("a layer gives the same bits when its memory is shared") {
  int data_shared = 0;
  int gradients_shared = 0;
  for_all([&](LayersBench& bench, const Case& c) {
    Subject apart(bench, c, Inputs::kCopied);
    Subject sharing(bench, c, Inputs::kCopied, false);
    apart.forward();
    sharing.forward();
    check_equal(sharing.outputs(), apart.outputs());
    apart.backward();
    sharing.backward();
    check_equal(sharing.gradients(), apart.gradients());

    const net::Stage& stage = sharing.stage();
    if (stage.is_view || stage.tops.empty()) return;
    const net::Value& top = sharing.value(stage.tops[0]);
    for (const int bottom : stage.bottoms) {
      data_shared += sharing.value(bottom).data.buffer == top.data.buffer;
      gradients_shared +=
          top.needs_gradient && sharing.value(bottom).gradient.buffer == top.gradient.buffer;
    }
  });
  CHECK(data_shared >= 20);  // else nothing was tried
  CHECK(gradients_shared >= 20);
}

TEST_CASE("a layer that declares samples independent keeps them so") {
  for_all([](LayersBench& bench, const Case& c) {
    Subject subject(bench, c);
    if (subject.layer().facts.per_sample == 0) return;
    subject.forward();
    const auto before = subject.outputs();
    // All but the first sample change.
    for (size_t i = 0; i < subject.inputs().size(); ++i) {
      std::vector<double>& input = subject.inputs()[i];
      const auto samples = static_cast<size_t>(subject.value(static_cast<int>(i)).data.desc.dim[0]);
      for (size_t k = input.size() / samples; k < input.size(); ++k)
        input[k] *= 0.5;
    }
    subject.forward();
    const auto after = subject.outputs();
    for (size_t i = 0; i < before.size(); ++i) {
      const auto samples =
          static_cast<size_t>(subject.value(subject.stage().tops[i]).data.desc.dim[0]);
      const auto first = static_cast<std::ptrdiff_t>(before[i].size() / samples);
      CHECK(equal({before[i].begin(), before[i].begin() + first},
                  {after[i].begin(), after[i].begin() + first}));
    }
  });
}

TEST_CASE("zeros in give zeros out where a layer declares it") {
  for_all([](LayersBench& bench, const Case& c) {
    Subject subject(bench, c);
    if (subject.layer().facts.zero_to_zero == 0) return;
    for (std::vector<double>& input : subject.inputs())
      input.assign(input.size(), 0);
    subject.forward();
    for (const std::vector<double>& output : subject.outputs()) {
      CHECK(equal(output, std::vector<double>(output.size(), 0)));
    }
  });
}

TEST_CASE("only layers that declare it draw random numbers, anew in each pass") {
  for_all([](LayersBench& bench, const Case& c) {
    Subject subject(bench, c);
    subject.forward(1);
    const auto first = subject.outputs();
    subject.forward(2);
    const auto second = subject.outputs();
    subject.forward(1);
    check_equal(subject.outputs(), first);
    bool differs = false;
    for (size_t i = 0; i < first.size(); ++i)
      differs = differs || !equal(first[i], second[i]);
    CHECK(differs == (subject.layer().facts.uses_random != 0));
  });
}

}  // namespace
}  // namespace dlrun::test
