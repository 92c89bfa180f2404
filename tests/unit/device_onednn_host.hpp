// device_onednn_host.hpp: runs operators of the onednn device over plain data, converting to the
// layouts it chooses.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "tests/unit/device_plugin.hpp"
#include "tests/unit/roots.hpp"

namespace device_test {

// A device opened from it also takes what it would leave to a faster cpu device, unless told not
// to.
inline std::string onednn_file(bool takes_all = true) {
  setenv("DLRUN_ONEDNN", takes_all ? "all" : "", 1);
  return dlrun::test::build_root() + "/plugins/device_onednn.so";
}

// What can be fused, with the numbers that it gives.
struct Activation {
  const char* name;
  double alpha;
  float (*of)(float);
  dlr_post_op post_op() const { return {sizeof(dlr_post_op), dlrun::to_abi(name), alpha, 0, -1}; }
};
inline constexpr Activation kActivations[] = {
    {"relu", 0, [](float x) { return x > 0 ? x : 0; }},
    {"relu", 0.1, [](float x) { return x > 0 ? x : 0.1F * x; }},
    {"sigmoid", 0, [](float x) { return 1 / (1 + std::exp(-x)); }},
    {"tanh", 0, [](float x) { return std::tanh(x); }},
};

inline std::vector<float> random_floats(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> floats(static_cast<size_t>(count));
  for (float& value : floats) {
    value = static_cast<float>(random()) / 2147483648.0F - 1.0F;
  }
  return floats;
}

// Relative to the largest expected magnitude (at least 1); infinite for a NaN.
inline double largest_difference(const std::vector<float>& found,
                                 const std::vector<float>& expected) {
  REQUIRE(found.size() == expected.size());
  double scale = 1;
  double difference = 0;
  for (const float value : expected) {
    scale = std::max(scale, std::abs(static_cast<double>(value)));
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const double d = std::abs(static_cast<double>(found[i]) - expected[i]);
    if (!(d <= difference)) difference = std::isnan(d) ? INFINITY : d;
  }
  return difference / scale;
}

inline uint64_t layout_bytes(const DevicePlugin& device, const dlr_tensor_desc& desc) {
  uint64_t bytes = 0;
  check(device.type().layout_bytes(device.device(), &desc, &bytes));
  return bytes;
}

// Converts between two layouts of one tensor.
inline void reorder(const DevicePlugin& device, dlr_tensor_desc from_desc, dlr_mem from,
                    dlr_tensor_desc to_desc, dlr_mem to) {
  dlr_tensor_desc* args[] = {&from_desc, &to_desc};
  dlr_op_desc desc{};
  desc.size = sizeof desc;
  desc.op = dlrun::to_abi("reorder");
  desc.args = args;
  desc.n_args = 2;
  dlr_plan* plan = nullptr;
  check(device.type().plan(device.device(), &desc, &plan));
  const Bytes workspace(desc.workspace_bytes);
  const dlr_mem mems[] = {from, to};
  dlr_error* error =
      device.type().run(device.device(), nullptr, plan, mems, 2, workspace.mem(), {});
  device.type().destroy_plan(device.device(), plan);
  check(error);
}

// A tensor of an operator: its elements in plain order, and where the operator wants them.
struct Operand {
  dlr_tensor_desc desc{};  // no dtype: absent
  std::vector<float> elements;
  std::unique_ptr<Bytes> memory;

  void to_device(const DevicePlugin& device) {
    if (desc.dtype == 0) return;
    memory = std::make_unique<Bytes>(layout_bytes(device, desc));
    dlr_tensor_desc plain = desc;
    plain.layout = DLR_LAYOUT_PLAIN;
    if (desc.layout == DLR_LAYOUT_PLAIN) {
      std::copy(elements.begin(), elements.end(), memory->as<float>());
    } else {
      reorder(device, plain, plain_mem(), desc, memory->mem());
    }
  }
  void from_device(const DevicePlugin& device) {
    if (desc.dtype == 0) return;
    CHECK(memory->intact());
    dlr_tensor_desc plain = desc;
    plain.layout = DLR_LAYOUT_PLAIN;
    if (desc.layout == DLR_LAYOUT_PLAIN) {
      std::copy_n(memory->as<float>(), elements.size(), elements.begin());
    } else {
      reorder(device, desc, memory->mem(), plain, plain_mem());
    }
  }
  dlr_mem plain_mem() const {
    return {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(elements.data()), 0,
            elements.size() * sizeof(float)};
  }
};

// An operator planned over its operands; the layouts it chose are in their descriptions.
class RunnableOp {
 public:
  RunnableOp(const DevicePlugin& device, dlrun::OperatorDesc op,
             const std::vector<std::vector<float>>& elements,
             std::vector<dlr_post_op> post_ops = {})
      : device_(device) {
    std::vector<const dlr_post_op*> post_pointers;
    for (const dlr_post_op& post : post_ops)
      post_pointers.push_back(&post);
    op.with_desc([&](dlr_op_desc& desc) {
      desc.post_ops = post_pointers.data();
      desc.n_post_ops = static_cast<uint32_t>(post_pointers.size());
      check(device.type().plan(device.device(), &desc, &plan_));
      workspace_ = std::make_unique<Bytes>(desc.workspace_bytes);
      reserve_bytes = desc.reserve_bytes;
      for (uint32_t i = 0; i < desc.n_args; ++i) {
        operands.push_back({*desc.args[i], elements[i], nullptr});
        operands.back().to_device(device);
      }
    });
  }
  RunnableOp(const RunnableOp&) = delete;
  RunnableOp& operator=(const RunnableOp&) = delete;
  ~RunnableOp() { device_.type().destroy_plan(device_.device(), plan_); }

  // A pair shares a reserve.
  void run(dlr_mem reserve = {}) {
    std::vector<dlr_mem> mems;
    for (const Operand& operand : operands) {
      mems.push_back(operand.memory ? operand.memory->mem() : dlr_mem{});
    }
    check(device_.type().run(device_.device(), nullptr, plan_, mems.data(),
                             static_cast<uint32_t>(mems.size()), workspace_->mem(), reserve));
    CHECK(workspace_->intact());
  }
  const std::vector<float>& result(size_t index) {
    operands[index].from_device(device_);
    return operands[index].elements;
  }

  std::vector<Operand> operands;
  uint64_t reserve_bytes = 0;

 private:
  const DevicePlugin& device_;
  dlr_plan* plan_ = nullptr;
  std::unique_ptr<Bytes> workspace_;
};

}  // namespace device_test
