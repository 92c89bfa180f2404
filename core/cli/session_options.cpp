#include "core/cli/session_options.hpp"

#include "core/cli/plugin_options.hpp"

namespace dlrun::cli {

void add_session_options(CLI::App& command, train::SessionOptions& options,
                         const std::string& what) {
  command.add_option("CONFIG,--solver,--model", options.config, what)->required();
  command
      .add_option("--set", options.overrides,
                  "override a value: solver.base_lr=0.1 or "
                  "net.layer[conv1].convolution_param.num_output=30")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command
      .add_option("--device", options.device,
                  "auto, cpu, onednn, opencl, opencl:1 ...; see `dlrun devices`")
      ->type_name("DEVICE");
  command
      .add_option("--fallback", options.fallback,
                  "what to do with a layer that the device can't run")
      ->check(CLI::IsMember({"error", "warn", "allow"}));
  command.add_option("--threads", options.threads, "processor threads (default: one per core)")
      ->check(CLI::Range(1, 65536));
  command
      .add_option("--isa", options.isa,
                  "instruction set of the host device: baseline, avx2 or avx512")
      ->type_name("ISA");
  command.add_flag(
      "--float64", options.float64,
      "compute in float64 instead of float32: slower, and what numbers are compared in");
  add_plugin_options(command, options.plugins);
}

}  // namespace dlrun::cli
