// The onednn device's private layouts: conversion there and back, their padding, and their numbers.
#include <algorithm>

#include "tests/unit/device_onednn_host.hpp"

using namespace device_test;

namespace {

// A convolution whose channels fill no whole block in any layout of blocks.
dlrun::OperatorDesc odd_convolution() {
  dlrun::OperatorDesc op("convolution_forward");
  op.attribute("kernel", {3, 3}).attribute("stride", {1, 1}).attribute("pad", {1, 1});
  op.attribute("dilation", {1, 1}).attribute("group", 1);
  op.argument({2, 20, 9, 9}, DLR_F32).argument({50, 20, 3, 3}, DLR_F32).argument({50}, DLR_F32);
  return op.argument({2, 50, 9, 9}, DLR_F32);
}

std::vector<dlr_tensor_desc> chosen(const DevicePlugin& onednn, dlrun::OperatorDesc op) {
  std::vector<dlr_tensor_desc> descs;
  op.with_desc([&](dlr_op_desc& desc) {
    dlr_plan* plan = nullptr;
    check(onednn.type().plan(onednn.device(), &desc, &plan));
    onednn.type().destroy_plan(onednn.device(), plan);
    for (uint32_t i = 0; i < desc.n_args; ++i)
      descs.push_back(*desc.args[i]);
  });
  return descs;
}

}  // namespace

TEST_CASE("onednn layouts hold the same elements") {
  const DevicePlugin onednn(onednn_file());
  for (const dlr_tensor_desc& desc : chosen(onednn, odd_convolution())) {
    const std::vector<float> elements = random_floats(dlrun::Shape(desc).count(), 5);
    Operand operand{desc, elements, nullptr};
    operand.to_device(onednn);
    std::fill(operand.elements.begin(), operand.elements.end(), 0.0F);
    operand.from_device(onednn);
    CHECK(operand.elements == elements);
  }
}

TEST_CASE("onednn gives the same number to the same layout, and none to plain order") {
  const DevicePlugin onednn(onednn_file());
  const std::vector<dlr_tensor_desc> first = chosen(onednn, odd_convolution());
  const std::vector<dlr_tensor_desc> again = chosen(onednn, odd_convolution());
  bool any_private = false;
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].layout == again[i].layout);
    CHECK(first[i].layout != DLR_LAYOUT_ANY);
    any_private = any_private || first[i].layout != DLR_LAYOUT_PLAIN;
  }
  CHECK(first[2].layout == DLR_LAYOUT_PLAIN);  // the bias
  CHECK(any_private);
}

TEST_CASE("onednn keeps the padding of its layouts zero") {
  const DevicePlugin onednn(onednn_file());
  for (const dlr_tensor_desc& desc : chosen(onednn, odd_convolution())) {
    if (desc.layout == DLR_LAYOUT_PLAIN) continue;
    const uint64_t n = layout_bytes(onednn, desc) / sizeof(float);
    const uint64_t padding = n - static_cast<uint64_t>(dlrun::Shape(desc).count());
    CAPTURE(padding);
    const std::vector<float> ones(static_cast<size_t>(dlrun::Shape(desc).count()), 1.0F);
    const auto count = [&](Operand& operand, float value) {
      const float* data = operand.memory->as<float>();
      return static_cast<uint64_t>(std::count(data, data + n, value));
    };
    Operand operand{desc, ones, nullptr};
    operand.to_device(onednn);
    CHECK(count(operand, 0.0F) == padding);  // written by the conversion

    float* data = operand.memory->as<float>();
    std::replace(data, data + n, 0.0F, 7.0F);
    check(onednn.type().zero_padding(onednn.device(), nullptr, &desc, operand.memory->mem()));
    CHECK(count(operand, 0.0F) == padding);
    CHECK(count(operand, 1.0F) == n - padding);
    CHECK(operand.memory->intact());
  }
}

TEST_CASE("onednn leaves zero padding behind a convolution") {
  const DevicePlugin onednn(onednn_file());
  RunnableOp op(onednn, odd_convolution(),
                {random_floats(2 * 20 * 81, 1), random_floats(50 * 20 * 9, 2), random_floats(50, 3),
                 random_floats(2 * 50 * 81, 4)});
  op.run();
  const Operand& y = op.operands[3];
  const uint64_t n = layout_bytes(onednn, y.desc) / sizeof(float);
  const float* data = y.memory->as<float>();
  CHECK(static_cast<uint64_t>(std::count(data, data + n, 0.0F)) >= n - y.elements.size());
}

TEST_CASE("onednn converts between two of its own layouts") {
  const DevicePlugin onednn(onednn_file());
  dlrun::OperatorDesc op("convolution_backward_data");
  op.attribute("kernel", {3, 3}).attribute("stride", {1, 1}).attribute("pad", {1, 1});
  op.attribute("dilation", {1, 1}).attribute("group", 1);
  op.argument({2, 50, 9, 9}, DLR_F32)
      .argument({50, 20, 3, 3}, DLR_F32)
      .argument({2, 20, 9, 9}, DLR_F32);
  const dlr_tensor_desc there = chosen(onednn, odd_convolution())[1];
  const dlr_tensor_desc back = chosen(onednn, op)[1];
  const std::vector<float> elements = random_floats(50 * 20 * 9, 6);
  Operand from{there, elements, nullptr};
  from.to_device(onednn);
  Operand to{back, std::vector<float>(elements.size()), nullptr};
  to.to_device(onednn);
  if (there.layout != DLR_LAYOUT_PLAIN || back.layout != DLR_LAYOUT_PLAIN) {
    reorder(onednn, there, from.memory->mem(), back, to.memory->mem());
    to.from_device(onednn);
    CHECK(to.elements == elements);
  }
}

TEST_CASE("onednn refuses a layout that it never made") {
  const DevicePlugin onednn(onednn_file());
  dlr_tensor_desc desc = dlrun::Shape{2, 3}.desc(DLR_F32, 12345);
  CHECK_THROWS_WITH_AS(layout_bytes(onednn, desc), doctest::Contains("no layout 12345"), Refused);
}

TEST_CASE("onednn works in the host's memory, aligned") {
  const DevicePlugin onednn(onednn_file());
  dlr_device_info info{};
  info.size = sizeof info;
  check(onednn.type().info(onednn.device(), &info));
  CHECK(info.host_memory == 1);
  CHECK(dlrun::from_abi(info.driver).find("oneDNN") == 0);
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{100}, uint64_t{10} << 20}) {
    dlr_mem mem{};
    check(onednn.type().allocate(onednn.device(), bytes, &mem));
    CHECK(mem.space == DLR_SPACE_HOST);
    CHECK(mem.bytes == bytes);
    CHECK(mem.handle % info.alignment == 0);
    check(onednn.type().zero(onednn.device(), nullptr, mem, bytes));
    onednn.type().release(onednn.device(), mem);
  }
  dlr_mem mem{};
  CHECK_THROWS_AS(check(onednn.type().allocate(onednn.device(), uint64_t{1} << 60, &mem)), Refused);
}
