#include "core/cli/device_level.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <dlrun/operator.hpp>

namespace dlrun::cli {
namespace {

bool plans(memory::Device& device, OperatorDesc op) {
  bool planned = false;
  op.with_desc([&](dlr_op_desc& desc) {
    std::string reason;
    planned = device.plan(desc, &reason) != nullptr;
  });
  return planned;
}

// Small ones of which a device that runs whole layers plans at least one.
bool plans_layers(memory::Device& device) {
  OperatorDesc convolution("convolution_forward");
  OperatorDesc pooling("pooling_max_forward");
  const std::vector<int64_t> one = {1, 1};
  convolution.attribute("kernel", {3, 3}).attribute("stride", one).attribute("pad", one);
  convolution.attribute("dilation", one).attribute("group", 1);
  convolution.argument(Shape{2, 3, 8, 8}, DLR_F32).argument(Shape{4, 3, 3, 3}, DLR_F32);
  convolution.argument(Shape{4}, DLR_F32).argument(Shape{2, 4, 8, 8}, DLR_F32);
  pooling.attribute("kernel", {2, 2}).attribute("stride", {2, 2}).attribute("pad", {0, 0});
  pooling.attribute("training", 0);
  pooling.argument(Shape{2, 3, 8, 8}, DLR_F32).argument(Shape{2, 3, 4, 4}, DLR_F32);
  if (plans(device, convolution) || plans(device, pooling)) return true;
  return plans(device, OperatorDesc("relu_forward")
                           .number("slope", 0)
                           .argument(Shape{2, 8}, DLR_F32)
                           .argument(Shape{2, 8}, DLR_F32));
}

}  // namespace

int level_of(memory::Device& device) {
  if (device.has_layouts()) return 4;
  if (device.has_operators()) {
    if (plans_layers(device)) return 3;
    if (plans(device, Gemm{4, 4, 4}.desc(DLR_F32))) return 2;
  }
  return device.has_kernels() ? 1 : 0;
}

std::string level_text(const memory::Device& device, int level) {
  constexpr const char* kNames[] = {"memory", "kernels", "gemm", "whole layers", "private layouts"};
  return fmt::format("{}: {}{}", level, kNames[level],
                     level > 1 && !device.has_kernels() ? ", kernels on the host" : "");
}

}  // namespace dlrun::cli
