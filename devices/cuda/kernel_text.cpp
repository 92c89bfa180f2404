// Assembles CUDA programs.
#include "kernel_text.hpp"

#include "kernel_cuda.h.inc"
#include "kernel_random.h.inc"

namespace dlrun::cuda {

namespace {

std::string type_of(const KernelParameter& parameter) {
  if (parameter.kind != KernelParameterKind::kBuffer) return scalar_type(parameter.kind);
  return (parameter.is_output ? "" : "const ") + parameter.element_type + "*";
}

}  // namespace

std::string program_text(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits) {
  return kernel_program(kernel, real_bits, index_bits, kernel_cuda_h, kernel_random_h);
}

std::string entry_name(const dlr_kernel& kernel) {
  return std::string(from_abi(kernel.name)) + "_entry";
}

std::string entry_point(const dlr_kernel& kernel) {
  const std::string name(from_abi(kernel.name));
  std::string parameters;
  std::string values;
  for (const KernelParameter& parameter : parse_parameters(from_abi(kernel.parameters))) {
    parameters += type_of(parameter) + " " + parameter.name + ", ";
    values += ", " + parameter.name;
  }
  const bool groups = kernel_form(from_abi(kernel.source), name) == KernelForm::kGroups;
  const std::string threads = std::to_string(kLargestBlock);
  return "#line 1 \"entry of kernel " + name +
         "\"\nextern \"C\" __global__ void __launch_bounds__(" + threads + ") " +
         entry_name(kernel) + "(" + parameters + "idx dlr_items) {\n" +
         (groups ? "  __shared__ real memory[" + threads + "];\n" : std::string()) + "  " + name +
         "(dlr_items, " + (groups ? "memory" : "(real*)0") + values + ");\n}\n";
}

}  // namespace dlrun::cuda
