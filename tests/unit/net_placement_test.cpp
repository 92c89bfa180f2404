// The placement report: which device declined what another one ran, and for how many layers.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <deque>
#include <string_view>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

using Plan = dlr_error* (*)(dlr_device*, dlr_op_desc*, dlr_plan**);

dlr_device_type cpu_type;  // as the plugin made it

// Devices that compute as the cpu device does, with another plan each.
class Devices {
 public:
  std::shared_ptr<memory::Device> open(const std::string& name, Plan plan, bool has_kernels) {
    dlr_device_type& type = types_.emplace_back(cpu_type);
    type.plan = plan;
    if (!has_kernels) type.launch = nullptr;
    dlr_device_options options{};
    options.size = sizeof options;
    options.threads = 1;
    return std::make_shared<memory::Device>(name, type, 0, options);
  }

 private:
  std::deque<dlr_device_type> types_;  // outlive the devices
};

template <bool may_plan(std::string_view)>
dlr_error* plan_some(dlr_device* device, dlr_op_desc* desc, dlr_plan** out) {
  if (may_plan(host::from_abi(desc->op))) return cpu_type.plan(device, desc, out);
  return host::make_error(DLR_UNIMPLEMENTED, "not here");
}

bool is_anything(std::string_view) {
  return true;
}

bool is_convolution(std::string_view op) {
  return op.starts_with("convolution");
}

bool is_gemm(std::string_view op) {
  return op == "gemm";
}

bool is_nothing(std::string_view) {
  return false;
}

const char* const kNet = R"(
  layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
  layer { name: "conv" type: "Convolution" bottom: "x" top: "c"
          convolution_param { num_output: 8 kernel_size: 3 weight_filler { type: "xavier" } } }
  layer { name: "ip1" type: "InnerProduct" bottom: "c" top: "a" inner_product_param { num_output: 4 } }
  layer { name: "ip2" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 4 } }
  layer { name: "ip3" type: "InnerProduct" bottom: "b" top: "y" device: "second"
          inner_product_param { num_output: 4 } }
)";

// What the net says of operators that ran elsewhere: before its first pass, and behind it.
struct Told {
  std::string before;
  std::string behind;
  std::string in_short;
};

std::string elsewhere(const net::Net& net) {
  std::string lines;
  for (const net::Net::OperatorElsewhere& each : net.operators_elsewhere()) {
    lines += fmt::format("{} runs {} of {} ({})\n", each.runner, each.op,
                         fmt::join(each.layers, ", "), each.declined);
  }
  return lines;
}

Told told(Plan of_host, Plan of_others) {
  LayersBench bench(Operators::kOfDevice);
  cpu_type = bench.type<dlr_device_type>("device", "cpu");
  Devices made;
  net::Devices devices;
  devices.host = made.open("home", of_host, true);
  devices.primary = made.open("first", of_others, false);
  devices.named["second"] = made.open("second", of_others, false);
  net::NetOptions options;
  options.state.is_training = true;
  options.force_backward = true;
  options.named_fallback = net::Fallback::kAllow;
  net::Net net(bench.parse_net(kNet), bench, options);
  net.prepare(devices);
  Told lines;
  lines.before = elsewhere(net);
  net.begin_iteration();
  net.forward();
  net.backward();
  lines.behind = elsewhere(net);
  lines.in_short = fmt::format("{}", fmt::join(net.operators_elsewhere_in_short(), "\n"));
  return lines;
}

}  // namespace

TEST_CASE("operators elsewhere are told with the layer's own device, and only if they ran") {
  const Told lines = told(plan_some<is_anything>, plan_some<is_convolution>);
  CHECK(lines.before.empty());
  std::string expected;
  for (const std::string home : {"first", "second"}) {
    const std::string layers = home == "first" ? "ip1, ip2" : "ip3";
    for (const std::string pass : {"backward_data", "backward_weights", "forward"}) {
      expected +=
          fmt::format("home runs inner_product_{} of {} ({}: not here)\n", pass, layers, home);
    }
  }
  CHECK(lines.behind == expected);  // no gemm, which the convolution had no need of
  CHECK(lines.in_short ==
        "first leaves 3 kinds of operators in 2 of 5 layers to home\n"
        "second leaves 3 kinds of operators in 1 of 5 layers to home");
}

TEST_CASE("a layer counts once, however many of its operators of a kind ran elsewhere") {
  const Told lines = told(plan_some<is_gemm>, plan_some<is_nothing>);
  CHECK(lines.behind ==
        "home runs gemm of conv, ip1, ip2 (first: not here)\n"
        "home runs gemm of ip3 (second: not here)\n");
  CHECK(lines.in_short ==
        "first leaves 1 kind of operator in 3 of 5 layers to home\n"
        "second leaves 1 kind of operator in 1 of 5 layers to home");
}

}  // namespace dlrun::test
