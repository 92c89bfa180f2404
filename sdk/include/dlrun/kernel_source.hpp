// kernel_source.hpp: what a device that compiles kernels at run time needs to know about a kernel's
// text.
#pragma once

#include <dlrun/error.hpp>

#include <algorithm>

#include <string>
#include <string_view>
#include <vector>

namespace dlrun {

enum class KernelParameterKind { kBuffer, kReal, kIndex, kI32, kU32, kU64 };

struct KernelParameter {
  KernelParameterKind kind;
  bool is_output;            // DLR_OUT
  std::string element_type;  // of a buffer: "real", "u32", ...
  std::string name;
};

// How a kernel's items map to a device's: DLR_FOR, DLR_ROWS or DLR_GROUPS.
enum class KernelForm { kFor, kRows, kGroups };

namespace detail {

inline std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

inline KernelParameter parse_parameter(const std::string& text) {
  const size_t name_at = text.find_last_of(" )") + 1;
  const std::string name = text.substr(name_at);
  const std::string type = trimmed(text.substr(0, name_at));
  if (type.rfind("DLR_IN(", 0) == 0 || type.rfind("DLR_OUT(", 0) == 0) {
    const size_t open = type.find('(');
    return {KernelParameterKind::kBuffer, type[4] == 'O', trimmed(type.substr(open + 1, type.find(')') - open - 1)),
            name};
  }
  if (type == "real" || type == "acc_t") return {KernelParameterKind::kReal, false, {}, name};
  if (type == "idx") return {KernelParameterKind::kIndex, false, {}, name};
  if (type == "i32") return {KernelParameterKind::kI32, false, {}, name};
  if (type == "u32") return {KernelParameterKind::kU32, false, {}, name};
  if (type == "u64") return {KernelParameterKind::kU64, false, {}, name};
  throw Error("kernel parameter '" + text + "' is not of the dialect", DLR_INVALID_ARGUMENT);
}

}  // namespace detail

// The parameters as listed in DLR_KERNEL(name, ...), one by one: "DLR_IN(real) x".
inline std::vector<std::string> split_parameters(std::string_view list) {
  std::vector<std::string> parameters;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    parameters.push_back(detail::trimmed(list.substr(0, comma)));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return parameters;
}

// What they are.
inline std::vector<KernelParameter> parse_parameters(std::string_view list) {
  std::vector<KernelParameter> parameters;
  for (const std::string& text : split_parameters(list))
    parameters.push_back(detail::parse_parameter(text));
  return parameters;
}

// Looks at the kernel's own body: what stands in the braces behind its name.
inline KernelForm kernel_form(std::string_view source, std::string_view name) {
  size_t begin = source.find(std::string("(").append(name).append(","));
  if (begin == std::string_view::npos) begin = 0;
  size_t end = std::min(source.find('{', begin), source.size());
  for (int depth = 0; end < source.size(); ++end) {
    depth += (source[end] == '{') - (source[end] == '}');
    if (depth == 0) break;
  }
  const std::string_view body = source.substr(begin, end - begin);
  if (body.find("DLR_GROUPS(") != std::string_view::npos) return KernelForm::kGroups;
  if (body.find("DLR_ROWS(") != std::string_view::npos) return KernelForm::kRows;
  return KernelForm::kFor;
}

// The dialect's name of a scalar parameter's type.
inline const char* scalar_type(KernelParameterKind kind) {
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

// A program but for its entry points: definitions, the dialect (a text that includes
// kernel_random.h, which is given too) and the kernel file. Messages of a compiler count the lines
// of the kernel file. Declines what the dialect at hand doesn't have.
inline std::string kernel_program(const dlr_kernel& kernel, uint32_t real_bits, uint32_t index_bits,
                                  std::string dialect, std::string_view random) {
  const std::string subject = "kernel '" + std::string(from_abi(kernel.name)) + "'";
  if (kernel.reserved != 0)
    throw Error(subject + " is written in a newer kernel dialect than the device knows", DLR_UNIMPLEMENTED);
  if (real_bits != 32 && real_bits != 64)
    throw Error(subject + " is asked for in a type that the device doesn't know", DLR_UNIMPLEMENTED);
  const std::string_view include = "#include <dlrun/kernel_random.h>";
  dialect.replace(dialect.find(include), include.size(), random);
  return "#define DLR_REAL_BITS " + std::to_string(real_bits) + "\n#define DLR_INDEX_BITS " +
         std::to_string(index_bits) + "\n" + dialect + "\n#line 1 \"file of kernel " +
         std::string(from_abi(kernel.name)) + "\"\n" + std::string(from_abi(kernel.source)) + "\n";
}

}  // namespace dlrun
