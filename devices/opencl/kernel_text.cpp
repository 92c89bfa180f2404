// Assembles OpenCL programs.
#include "kernel_text.hpp"

#include "kernel_opencl.h.inc"
#include "kernel_random.h.inc"

namespace dlrun::opencl {

namespace {

// The dialect, with the file that it includes in its place.
std::string dialect() {
  std::string text = kernel_opencl_h;
  const std::string_view include = "#include <dlrun/kernel_random.h>";
  return text.replace(text.find(include), include.size(), kernel_random_h);
}

std::string pointer_type(const KernelParameter& parameter) {
  return (parameter.is_output ? "__global " : "__global const ") + parameter.element_type + "*";
}

std::string scalar_type(KernelParameterKind kind) {
  switch (kind) {
    case KernelParameterKind::kReal:
      return "real";
    case KernelParameterKind::kIndex:
      return "idx";
    case KernelParameterKind::kI32:
      return "i32";
    case KernelParameterKind::kU32:
      return "u32";
    default:
      return "u64";
  }
}

std::string entry_point(const KernelText& text, const std::string& kernel, uint32_t largest_group) {
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
      parameters += scalar_type(parameter.kind) + " " + name + ", ";
      values += ", " + name;
    }
  }
  const bool groups = text.form == KernelForm::kGroups;
  const std::string memory =
      groups ? "  __local real memory[" + std::to_string(largest_group) + "];\n" : std::string();
  return "__kernel void " + text.entry + "(" + parameters + "idx items) {\n" + memory + "  " +
         kernel + "(items, " + (groups ? "memory" : "(__local real*)0") + values + ");\n}\n";
}

}  // namespace

KernelText kernel_text(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits,
                       uint32_t largest_group) {
  const std::string name(from_abi(kernel.name));
  const std::string source(from_abi(kernel.source));
  KernelText text;
  text.entry = name + "_entry";
  text.parameters = parse_parameters(from_abi(kernel.parameters));
  text.form = kernel_form(source, name);
  // The line numbers in messages of the compiler are those of the kernel file.
  text.program = "#define DLR_REAL_BITS " + std::to_string(real_bits) +
                 "\n#define DLR_INDEX_BITS " + std::to_string(index_bits) + "\n" + dialect() +
                 "\n#line 1 \"file of kernel " + name + "\"\n" + source +
                 "\n#line 1 \"entry of kernel " + name + "\"\n" +
                 entry_point(text, name, largest_group);
  return text;
}

}  // namespace dlrun::opencl
