#include "core/conform/device/operator_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/conform/runner.hpp"
#include "core/host/error.hpp"
#include "core/memory/device.hpp"

namespace dlrun::conform {
namespace {

constexpr uint64_t kCanary = 256;  // bytes

dlr_tensor_desc plain(dlr_tensor_desc desc) {
  desc.layout = DLR_LAYOUT_PLAIN;
  return desc;
}

dlr_op_desc describe(std::string_view op, std::vector<dlr_tensor_desc*>& args) {
  dlr_op_desc desc{};
  desc.size = sizeof desc;
  desc.op = host::to_abi(op);
  desc.args = args.data();
  desc.n_args = static_cast<uint32_t>(args.size());
  return desc;
}

}  // namespace

dlr_mem allocate_poisoned(RawDevice& device, uint64_t bytes) {
  dlr_mem mem = device.allocate(bytes + kCanary);
  device.put(mem, Bytes(bytes + kCanary, kPoison));
  mem.bytes = bytes;
  return mem;
}

void require_canary(RawDevice& device, dlr_mem mem, uint64_t bytes, const std::string& what) {
  require_bytes(device.get(behind(mem, bytes, kCanary), kCanary), Bytes(kCanary, kPoison),
                "behind " + what);
}

void reorder(RawDevice& device, const dlr_tensor_desc& from_desc, dlr_mem from,
             const dlr_tensor_desc& to_desc, dlr_mem to) {
  dlr_tensor_desc descs[] = {from_desc, to_desc};
  std::vector<dlr_tensor_desc*> args = {&descs[0], &descs[1]};
  dlr_op_desc desc = describe("reorder", args);
  dlr_plan* plan = nullptr;
  const dlr_device_type& type = device.type();
  require_ok(type.plan(device.handle(), &desc, &plan),
             "plan of a reorder between its own layout and plain");
  const dlr_mem workspace =
      desc.workspace_bytes > 0 ? device.allocate(desc.workspace_bytes) : dlr_mem{};
  const dlr_mem mems[] = {from, to};
  require_ok(type.run(device.handle(), device.stream(), plan, mems, 2, workspace, {}),
             "run of a reorder");
  device.synchronize();
  type.destroy_plan(device.handle(), plan);
  if (workspace.bytes > 0) device.release(workspace);
}

uint64_t layout_bytes(const RawDevice& device, const dlr_tensor_desc& desc) {
  if (desc.layout == DLR_LAYOUT_PLAIN) return memory::plain_bytes(desc);
  uint64_t bytes = 0;
  if (!DLR_HAS(&device.type(), layout_bytes) || device.type().layout_bytes == nullptr)
    fail("a plan chose a private layout, and there is no layout_bytes", "one");
  require_ok(device.type().layout_bytes(device.handle(), &desc, &bytes), "layout_bytes");
  return bytes;
}

std::vector<dlr_tensor_desc> planned_layouts(RawDevice& device, const OperatorCase& operator_case,
                                             const OperatorStep& step) {
  return OperatorRun(device, operator_case, step, DLR_F32).private_layouts();
}

void with_description(const OperatorCase& operator_case, const OperatorStep& step, uint32_t dtype,
                      const std::function<void(dlr_op_desc&)>& use) {
  std::vector<dlr_attribute> attributes;
  for (const auto& [name, list] : step.integers)
    attributes.push_back({sizeof(dlr_attribute), host::to_abi(name), list.data(), list.size(), 0});
  for (const auto& [name, number] : step.numbers)
    attributes.push_back({sizeof(dlr_attribute), host::to_abi(name), nullptr, 0, number});
  std::vector<const dlr_attribute*> attribute_pointers;
  for (const dlr_attribute& attribute : attributes)
    attribute_pointers.push_back(&attribute);
  std::vector<dlr_tensor_desc> args(step.args.size(),
                                    {sizeof(dlr_tensor_desc), 0, 0, {}, DLR_LAYOUT_PLAIN});
  std::vector<dlr_tensor_desc*> arg_pointers;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (step.args[i] >= 0) {
      args[i] = operator_case.tensors[static_cast<std::size_t>(step.args[i])].desc(
          dtype, operator_case.is_plain ? DLR_LAYOUT_PLAIN : DLR_LAYOUT_ANY);
      if (!step.layouts.empty()) args[i].layout = step.layouts[i];
    }
    arg_pointers.push_back(&args[i]);
  }
  dlr_op_desc desc = describe(step.op, arg_pointers);
  desc.attributes = attribute_pointers.data();
  desc.n_attributes = static_cast<uint32_t>(attribute_pointers.size());
  dlr_post_op post{sizeof(dlr_post_op), {}, 0, 0, -1};
  const dlr_post_op* const posts[] = {&post};
  if (step.behind) {
    const std::string_view op = step.behind->op;
    post.kind = host::to_abi(op.substr(0, op.find("_forward")));
    post.alpha = step.behind->alpha;
    desc.post_ops = posts;
    desc.n_post_ops = 1;
  }
  use(desc);
}

OperatorRun::OperatorRun(RawDevice& device, const OperatorCase& operator_case,
                         const OperatorStep& step, uint32_t dtype, bool accumulate)
    : device_(device), case_(operator_case), step_(step), accumulate_(accumulate) {
  plan(dtype);
}

void OperatorRun::allocate() {
  margin_ = std::max<uint64_t>(device_.info().alignment, 64);
  if (workspace_bytes_ > 0) {
    workspace_ = allocate_poisoned(device_, workspace_bytes_);
    memory_.push_back(workspace_);
  }
  for (Argument& argument : args_) {
    if (argument.tensor < 0) continue;
    argument.bytes = layout_bytes(device_, argument.desc);
    argument.whole = device_.allocate(argument.bytes + 2 * margin_);
    memory_.push_back(argument.whole);
    argument.mem = behind(argument.whole, margin_, argument.bytes);
  }
}

bool OperatorRun::put_in_place(int output, int input) {
  Argument& to = args_.at(static_cast<std::size_t>(output));
  const Argument& from = args_.at(static_cast<std::size_t>(input));
  if (to.desc.layout != from.desc.layout || to.bytes != from.bytes) return false;
  to.place_of = input;
  to.mem = from.mem;
  return true;
}

void OperatorRun::plan(uint32_t dtype) {
  with_description(case_, step_, dtype, [&](dlr_op_desc& desc) {
    desc.accumulate = accumulate_;
    plan(desc);
  });
}

void OperatorRun::plan(dlr_op_desc& desc) {
  std::string message;
  const uint32_t code = code_of(device_.type().plan(device_.handle(), &desc, &plan_), &message);
  if (code == DLR_UNIMPLEMENTED && message.empty()) fail("a decline without a reason", "a reason");
  if (code == DLR_UNIMPLEMENTED) decline(fmt::format("{}: {}", step_.op, message));
  if (code != 0) fail("plan failed: " + message, "a plan, or a decline with DLR_UNIMPLEMENTED");
  for (std::size_t i = 0; i < step_.args.size(); ++i) {
    args_.push_back({});
    args_[i].tensor = step_.args[i];
    args_[i].is_output =
        std::count(step_.outputs.begin(), step_.outputs.end(), static_cast<int>(i)) > 0;
    args_[i].desc = *desc.args[i];
  }
  workspace_bytes_ = desc.workspace_bytes;
  reserve_bytes_ = desc.reserve_bytes;
  if (reserve_bytes_ > 0 && step_.integer("pair", -1) < 0)
    fail(fmt::format("a plan of {} that asks for a reserve", step_.op),
         "none without the attribute pair");
  const bool accepted = !accumulate_ || desc.accumulate_accepted != 0;
  for (const Argument& argument : args_) {
    if (argument.tensor >= 0 && argument.desc.layout == DLR_LAYOUT_ANY)
      fail("a plan that leaves an argument's layout open", "a layout chosen for each argument");
  }
  if (accepted) return;
  device_.type().destroy_plan(device_.handle(), plan_);
  decline("it doesn't add into outputs");
}

OperatorRun::~OperatorRun() {
  if (plan_ == nullptr) return;
  code_of(device_.type().synchronize(device_.handle(), nullptr));
  device_.type().destroy_plan(device_.handle(), plan_);
  for (const dlr_mem& mem : memory_)
    device_.release(mem);
}

void OperatorRun::put(Argument& argument, const Values& values) {
  const Bytes bytes = to_bytes(values, argument.desc.dtype);
  if (argument.desc.layout == DLR_LAYOUT_PLAIN) return device_.put(argument.mem, bytes);
  const dlr_mem staging = device_.allocate(bytes.size());
  device_.put(staging, bytes);
  reorder(device_, plain(argument.desc), staging, argument.desc, argument.mem);
  device_.release(staging);
}

Values OperatorRun::get(const Argument& argument) {
  const uint64_t bytes = memory::plain_bytes(argument.desc);
  if (argument.desc.layout == DLR_LAYOUT_PLAIN)
    return from_bytes(device_.get(argument.mem, bytes), argument.desc.dtype);
  const dlr_mem staging = device_.allocate(bytes);
  reorder(device_, argument.desc, argument.mem, plain(argument.desc), staging);
  const Values values = from_bytes(device_.get(staging, bytes), argument.desc.dtype);
  device_.release(staging);
  return values;
}

void OperatorRun::run(const std::vector<Values>& values, dlr_mem reserve, unsigned char workspace) {
  std::vector<dlr_mem> mems;
  for (Argument& argument : args_) {
    mems.push_back(argument.mem);
    if (argument.tensor < 0 || argument.place_of >= 0) continue;
    device_.put(argument.whole, Bytes(argument.bytes + 2 * margin_, kPoison));
    if (!argument.is_output || adds())
      put(argument, values[static_cast<std::size_t>(argument.tensor)]);
    argument.before = device_.get(argument.whole, argument.bytes + 2 * margin_);
  }
  if (workspace_bytes_ > 0) device_.put(workspace_, Bytes(workspace_bytes_, workspace));
  require_ok(device_.type().run(device_.handle(), device_.stream(), plan_, mems.data(),
                                static_cast<uint32_t>(mems.size()), workspace_, reserve),
             "run of what was planned");
  device_.synchronize();
}

// By an output that works in its place.
bool OperatorRun::is_overwritten(std::size_t argument) const {
  return std::any_of(args_.begin(), args_.end(), [&](const Argument& each) {
    return each.place_of == static_cast<int>(argument);
  });
}

Values OperatorRun::found(int output) {
  return get(args_.at(static_cast<std::size_t>(output)));
}

void OperatorRun::require_untouched() {
  for (std::size_t i = 0; i < args_.size(); ++i) {
    const Argument& argument = args_[i];
    if (argument.tensor < 0 || argument.place_of >= 0) continue;
    Bytes now = device_.get(argument.whole, argument.bytes + 2 * margin_);
    Bytes before = argument.before;
    const auto first = static_cast<std::ptrdiff_t>(margin_);
    const auto last = static_cast<std::ptrdiff_t>(margin_ + argument.bytes);
    if (argument.is_output || is_overwritten(i)) {
      std::fill(now.begin() + first, now.begin() + last, kPoison);
      std::fill(before.begin() + first, before.begin() + last, kPoison);
    }
    require_bytes(now, before, fmt::format("argument {} with {} bytes around it", i, margin_));
  }
}

void OperatorRun::require_within_workspace() {
  if (workspace_bytes_ > 0) require_canary(device_, workspace_, workspace_bytes_, "the workspace");
}

// The padding is what a reorder of ones into poisoned memory leaves zero.
void OperatorRun::require_clean_padding() {
  for (std::size_t i = 0; i < args_.size(); ++i) {
    const Argument& argument = args_[i];
    if (argument.tensor < 0 || !argument.is_output || argument.desc.layout == DLR_LAYOUT_PLAIN)
      continue;
    const auto read = [&](dlr_mem mem) {
      return from_bytes(device_.get(mem, argument.bytes), argument.desc.dtype);
    };
    Argument ones = argument;
    ones.mem = device_.allocate(argument.bytes);
    device_.put(ones.mem, Bytes(argument.bytes, kPoison));
    put(ones, Values(static_cast<std::size_t>(memory::element_count(argument.desc)), 1));
    const Values is_element = read(ones.mem);
    const Values left = read(argument.mem);
    for (std::size_t k = 0; k < left.size(); ++k) {
      if (is_element[k] == 0 && left[k] != 0)
        fail(fmt::format("argument {}: {} at place {} of its private layout, which is padding", i,
                         left[k], k),
             "0");
    }
    device_.release(ones.mem);
  }
}

std::vector<uint64_t> OperatorRun::layouts() const {
  std::vector<uint64_t> layouts;
  for (const Argument& argument : args_)
    layouts.push_back(argument.desc.layout);
  return layouts;
}

std::vector<dlr_tensor_desc> OperatorRun::private_layouts() const {
  std::vector<dlr_tensor_desc> layouts;
  for (const Argument& argument : args_) {
    if (argument.tensor >= 0 && argument.desc.layout != DLR_LAYOUT_PLAIN)
      layouts.push_back(argument.desc);
  }
  return layouts;
}

}  // namespace dlrun::conform
