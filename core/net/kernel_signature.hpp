// What a kernel's parameters take, so that a launch with other arguments is an error and not a
// wrong number.
#pragma once

#include <dlrun/abi.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace dlrun::net {

class KernelSignatures {
 public:
  // Throws when the number of arguments, their kind or their access doesn't fit the kernel. A
  // kernel's list of parameters is read once; of one without a list nothing is known.
  void require_fit(const dlr_kernel& kernel, const dlr_arg* args, uint32_t n_args);

 private:
  enum class Parameter { kInput, kOutput, kNumber, kOther };
  const std::vector<Parameter>& of(const dlr_kernel& kernel);

  std::unordered_map<const dlr_kernel*, std::vector<Parameter>> known_;
};

// The parameters as they were written, one by one: "DLR_IN(real) x".
std::vector<std::string> parameters_of(const dlr_kernel& kernel);

}  // namespace dlrun::net
