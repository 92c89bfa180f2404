// Rules Y: the private layouts that the plans of operators chose.
#include <fmt/format.h>

#include <algorithm>

#include "core/conform/device/checks.hpp"
#include "core/conform/device/operator_run.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

void check_round_trip(RawDevice& device, const dlr_tensor_desc& layout) {
  dlr_tensor_desc plain = layout;
  plain.layout = DLR_LAYOUT_PLAIN;
  const uint64_t bytes = memory::plain_bytes(layout);
  const dlr_mem from = device.allocate(bytes);
  const dlr_mem between = device.allocate(layout_bytes(device, layout));
  const dlr_mem to = device.allocate(bytes);
  const Bytes values = to_bytes(
      spread_values(static_cast<std::size_t>(memory::element_count(layout)), 600), layout.dtype);
  device.put(from, values);
  device.put(to, Bytes(bytes, kPoison));
  reorder(device, plain, from, layout, between);
  reorder(device, layout, between, plain, to);
  require_bytes(device.get(to, bytes), values, "plain, private, plain");
}

// All ones in, into poisoned memory: whatever isn't an element must be zero.
void check_reordered_padding(RawDevice& device, const dlr_tensor_desc& layout) {
  dlr_tensor_desc plain = layout;
  plain.layout = DLR_LAYOUT_PLAIN;
  const auto count = static_cast<std::size_t>(memory::element_count(layout));
  const dlr_mem from = device.allocate(memory::plain_bytes(layout));
  const uint64_t bytes = layout_bytes(device, layout);
  const dlr_mem to = device.allocate(bytes);
  device.put(from, to_bytes(Values(count, 1), layout.dtype));
  const auto require_padding = [&](const char* what) {
    const Values found = from_bytes(device.get(to, bytes), layout.dtype);
    const auto others =
        std::count_if(found.begin(), found.end(), [](double value) { return value != 0; });
    if (others != static_cast<std::ptrdiff_t>(count))
      fail(fmt::format("{}: {} elements aren't zero", what, others),
           fmt::format("{}, the tensor's own", count));
  };
  device.put(to, Bytes(bytes, kPoison));
  reorder(device, plain, from, layout, to);
  require_padding("a tensor of ones reordered");
  const dlr_device_type& type = device.type();
  if (!DLR_HAS(&type, zero_padding) || type.zero_padding == nullptr) return;
  require_ok(type.zero_padding(device.handle(), device.stream(), &layout, to), "zero_padding");
  device.synchronize();
  require_padding("zero_padding on it");
}

// Tensors whose bytes 32 bits don't hold.
void check_large(RawDevice& device, const OperatorCase& large, const OperatorStep& step) {
  const std::vector<dlr_tensor_desc> layouts = planned_layouts(device, large, step);
  if (layouts.empty()) decline(step.op + ": planned in plain layouts");
  for (const dlr_tensor_desc& layout : layouts) {
    const uint64_t least = memory::plain_bytes(layout);
    const uint64_t bytes = layout_bytes(device, layout);
    if (bytes < least)
      fail(fmt::format("{} bytes for {}", bytes, Shape(layout).text()),
           fmt::format("{} or more", least));
  }
}

}  // namespace

void check_layouts(RawDevice& device, const std::vector<dlr_tensor_desc>& layouts,
                   const std::vector<OperatorCase>& cases, const std::string& name,
                   Runner& runner) {
  runner.rung("layouts");
  if (layouts.empty()) return runner.absent("no plan chose a private layout");
  for (const dlr_tensor_desc& layout : layouts) {
    const std::string who = fmt::format("{}: layout {:#x} of {}, float{}", name, layout.layout,
                                        Shape(layout).text(), layout.dtype & 0xFF);
    runner.check("Y1", who, [&] { check_round_trip(device, layout); });
    runner.check("Y2", who, [&] { check_reordered_padding(device, layout); });
  }
  for (const OperatorCase& each : cases) {
    for (const OperatorStep& step : each.steps) {
      if (each.is_large)
        runner.check("Y3", fmt::format("{}: {} in {}", name, step.op, each.name),
                     [&] { check_large(device, each, step); });
    }
  }
}

}  // namespace dlrun::conform
