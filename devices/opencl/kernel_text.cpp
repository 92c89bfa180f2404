// Assembles OpenCL programs.
#include "kernel_text.hpp"

#include "kernel_opencl.h.inc"
#include "kernel_random.h.inc"

namespace dlrun::opencl {

namespace {

std::string pointer_type(const KernelParameter& parameter) {
  return (parameter.is_output ? "__global " : "__global const ") + parameter.element_type + "*";
}

// The group's memory is an argument: that of a group is then its own on any driver.
std::string entry_point(const KernelText& text, const std::string& kernel) {
  std::string parameters;
  std::string values;
  for (size_t i = 0; i < text.parameters.size(); ++i) {
    const KernelParameter& parameter = text.parameters[i];
    const std::string name = std::string("a").append(std::to_string(i));
    if (parameter.kind == KernelParameterKind::kBuffer) {
      const std::string type = pointer_type(parameter);
      parameters += type + " " + name + ", ulong " + name + "_at, ";
      values += ", (" + type + ")((__global const char*)" + name + " + " + name + "_at)";
    } else {
      parameters += std::string(scalar_type(parameter.kind)) + " " + name + ", ";
      values += ", " + name;
    }
  }
  const bool groups = text.form == KernelForm::kGroups;
  return "__kernel void " + text.entry + "(" + parameters + "idx items" +
         (groups ? ", __local real* memory" : "") + ") {\n  " + kernel + "(items, " +
         (groups ? "memory" : "(__local real*)0") + values + ");\n}\n";
}

}  // namespace

KernelText kernel_text(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits) {
  const std::string name(from_abi(kernel.name));
  KernelText text;
  text.entry = name + "_entry";
  text.parameters = parse_parameters(from_abi(kernel.parameters));
  text.form = kernel_form(from_abi(kernel.source), name);
  text.program = kernel_program(kernel, real_bits, index_bits, kernel_opencl_h, kernel_random_h) +
                 "#line 1 \"entry of kernel " + name + "\"\n" + entry_point(text, name);
  return text;
}

}  // namespace dlrun::opencl
