#include "core/net/kernel_signature.hpp"

#include <fmt/format.h>
#include <dlrun/kernel_source.hpp>

#include "core/base/error.hpp"

namespace dlrun::net {
namespace {

[[noreturn]] void fail(const dlr_kernel& kernel, const std::string& what) {
  base::fail_work(fmt::format("kernel '{}' {}", from_abi(kernel.name), what));
}

[[noreturn]] void fail_argument(const dlr_kernel& kernel, uint32_t index, const char* what) {
  fail(kernel, fmt::format("takes as argument {} '{}', found {}", index + 1,
                           parameters_of(kernel).at(index), what));
}

}  // namespace

std::vector<std::string> parameters_of(const dlr_kernel& kernel) {
  return split_parameters(from_abi(kernel.parameters));
}

const std::vector<KernelSignatures::Parameter>& KernelSignatures::of(const dlr_kernel& kernel) {
  const auto found = known_.find(&kernel);
  if (found != known_.end()) return found->second;
  std::vector<Parameter>& signature = known_[&kernel];
  for (const std::string& text : parameters_of(kernel)) {
    const bool is_pointer = text.find('*') != std::string::npos;
    signature.push_back(text.starts_with("DLR_IN")    ? Parameter::kInput
                        : text.starts_with("DLR_OUT") ? Parameter::kOutput
                        : is_pointer                  ? Parameter::kOther
                                                      : Parameter::kNumber);
  }
  return signature;
}

void KernelSignatures::require_fit(const dlr_kernel& kernel, const dlr_arg* args, uint32_t n_args) {
  const std::vector<Parameter>& signature = of(kernel);
  if (signature.empty()) return;  // a kernel for the CPU alone may leave its parameters out
  if (n_args != signature.size())
    fail(kernel, fmt::format("takes {} arguments, found {}", signature.size(), n_args));
  for (uint32_t i = 0; i < n_args; ++i) {
    const Parameter parameter = signature[i];
    const bool is_number = args[i].access == DLR_SCALAR;
    if (parameter == Parameter::kOther) continue;
    if (is_number != (parameter == Parameter::kNumber))
      fail_argument(kernel, i, is_number ? "a number" : "a tensor");
    if (args[i].tensor == nullptr) continue;
    if (parameter == Parameter::kOutput && args[i].access == DLR_READ)
      fail_argument(kernel, i, "a tensor to read; pass it by write() or read_write()");
    if (parameter == Parameter::kInput && args[i].access == DLR_WRITE)
      fail_argument(kernel, i, "a tensor to write; pass it by read()");
  }
}

}  // namespace dlrun::net
