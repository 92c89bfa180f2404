// What a kernel is launched with: the wrong number of arguments, kind or access is an error.
#include <doctest/doctest.h>

#include "core/base/error.hpp"
#include "core/host/error.hpp"
#include "core/net/kernel_signature.hpp"

namespace dlrun::test {
namespace {

dlr_kernel kernel() {
  dlr_kernel made{};
  made.size = sizeof made;
  made.name = host::to_abi("gain");
  made.parameters = host::to_abi("DLR_IN(real) x, DLR_OUT(real) y,\n real slope, idx n");
  return made;
}
const dlr_kernel kKernel = kernel();

struct Launch {
  std::vector<dlr_arg> args;

  static dlr_arg tensor(uint32_t access) {
    static int any;
    return {reinterpret_cast<dlr_tensor*>(&any), 0, 0, access, 0};
  }
  static dlr_arg number() { return {nullptr, 1, 1, DLR_SCALAR, 0}; }

  std::string refusal() {
    net::KernelSignatures signatures;
    try {
      signatures.require_fit(kKernel, args.data(), static_cast<uint32_t>(args.size()));
      signatures.require_fit(kKernel, args.data(), static_cast<uint32_t>(args.size()));
      return "";
    } catch (const base::Error& error) {
      return error.what();
    }
  }
};

}  // namespace

TEST_CASE("a launch has what its kernel takes") {
  const dlr_arg number = Launch::number();
  const auto tensor = Launch::tensor;
  CHECK(net::parameters_of(kKernel) ==
        std::vector<std::string>{"DLR_IN(real) x", "DLR_OUT(real) y", "real slope", "idx n"});
  for (const uint32_t access : {DLR_WRITE, DLR_READ_WRITE})
    CHECK(Launch{{tensor(DLR_READ), tensor(access), number, number}}.refusal() == "");
  dlr_arg absent = tensor(DLR_READ);
  absent.tensor = nullptr;
  CHECK(Launch{{tensor(DLR_READ_WRITE), absent, number, number}}.refusal() == "");

  const dlr_kernel unlisted{};
  net::KernelSignatures().require_fit(unlisted, &number, 1);

  CHECK(Launch{{tensor(DLR_READ), tensor(DLR_WRITE), number}}.refusal() ==
        "kernel 'gain' takes 4 arguments, found 3");
  CHECK(Launch{{tensor(DLR_READ), tensor(DLR_READ), number, number}}.refusal() ==
        "kernel 'gain' takes as argument 2 'DLR_OUT(real) y', found a tensor to read; pass it by "
        "write() or read_write()");
  CHECK(Launch{{tensor(DLR_WRITE), tensor(DLR_WRITE), number, number}}.refusal() ==
        "kernel 'gain' takes as argument 1 'DLR_IN(real) x', found a tensor to write; pass it by "
        "read()");
  CHECK(Launch{{tensor(DLR_READ), number, number, number}}.refusal() ==
        "kernel 'gain' takes as argument 2 'DLR_OUT(real) y', found a number");
  CHECK(Launch{{tensor(DLR_READ), tensor(DLR_WRITE), tensor(DLR_READ), number}}.refusal() ==
        "kernel 'gain' takes as argument 3 'real slope', found a tensor");
}

}  // namespace dlrun::test
