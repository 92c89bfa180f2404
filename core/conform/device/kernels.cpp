// Rules K: the portable kernels on a device, against their CPU builds.
#include <fmt/format.h>

#include <algorithm>

#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/raw_device.hpp"
#include "core/conform/values.hpp"
#include "core/host/error.hpp"
#include "core/net/core_kernels.hpp"

namespace dlrun::conform {
namespace {

// One launch: buffers first filled with values, some of them written by the kernel; then numbers.
struct Launch {
  const char* form;
  const dlr_kernel& kernel;
  int64_t items;
  int64_t width;
  std::vector<std::size_t> buffers;  // elements
  std::vector<double> reals;
  std::vector<int64_t> integers;  // before the reals
  bool only_wide = false;         // for an idx of 64 bits
};

std::size_t elements(int64_t n) {
  return static_cast<std::size_t>(n);
}

// The real numbers here and below have no end in binary: a float64 that was a float32 shows.
Launch regularize(const char* form, int64_t n) {
  return {form, kernels::core_regularize, n, 1, {elements(n), elements(n)}, {0.1, 0.3, 0.7}, {}};
}

Launch gemm(const char* form, int64_t m, int64_t n, int64_t k) {
  const std::vector<std::size_t> buffers = {elements(m * k), elements(k * n), elements(m * n)};
  return {form, kernels::core_gemm, m, n, buffers, {1.1, 0.3}, {n, k, k, 1, n, 1, n}};
}

// Sums of `chunk` squares each, the last one of what is left of `n` elements.
Launch square_sums(const char* form, int64_t groups, int64_t chunk, int64_t n) {
  const std::vector<std::size_t> buffers = {elements(std::min(n, groups * chunk)),
                                            elements(groups)};
  return {form, kernels::core_square_sums, groups, chunk, buffers, {}, {n, chunk}};
}

std::vector<Launch> launches() {
  constexpr int64_t kMany = 70001;  // more than some grids have in one direction: 65535
  constexpr int64_t kBeyond32Bits = int64_t{1} << 32;
  Launch beyond = square_sums("an integer of 2^32", 5, 300, kBeyond32Bits);
  beyond.only_wide = true;
  return {
      regularize("DLR_FOR", 1003),
      gemm("DLR_ROWS and DLR_COLS", 13, 29, 17),
      square_sums("DLR_GROUPS and DLR_LANES", 5, 300, 1403),
      regularize("DLR_FOR, many", kMany),
      gemm("DLR_ROWS, many", kMany, 3, 2),
      gemm("DLR_COLS, many", 3, kMany, 2),
      square_sums("DLR_GROUPS, many", kMany, 4, 4 * kMany - 1),
      beyond,
  };
}

dlr_cpu_entry baseline(const dlr_kernel& kernel, uint32_t dtype, uint32_t index_bits) {
  for (uint32_t i = 0; i < kernel.n_variants; ++i) {
    const dlr_cpu_variant& variant = *kernel.variants[i];
    if (host::from_abi(variant.isa) != "baseline") continue;
    if (dtype == DLR_F32) return index_bits == 64 ? variant.f32_wide : variant.f32;
    return index_bits == 64 ? variant.f64_wide : variant.f64;
  }
  return nullptr;
}

std::vector<dlr_kernel_arg> arguments(const Launch& launch, const std::vector<dlr_mem>& buffers) {
  std::vector<dlr_kernel_arg> args;
  for (const dlr_mem& mem : buffers)
    args.push_back({mem, 0, 0});
  for (const int64_t integer : launch.integers)
    args.push_back({{}, 0, integer});
  for (const double real : launch.reals)
    args.push_back({{}, real, 0});
  return args;
}

class KernelRun {
 public:
  KernelRun(const dlr_device_type& type, const Launch& launch, uint32_t dtype, uint32_t index_bits)
      : device_(type), launch_(launch), dtype_(dtype), index_bits_(index_bits) {
    if (dtype == DLR_F64 && device_.info().float64 == 0) decline("the device has no float64");
    for (std::size_t i = 0; i < launch.buffers.size(); ++i) {
      const Values values = spread_values(launch.buffers[i], 300 + i);
      first_.push_back(to_bytes(values, dtype));
    }
  }

  // The buffers behind a launch, each `offset` bytes into its memory, with what lies before and
  // behind them.
  std::vector<Bytes> on_device(uint64_t offset) {
    std::vector<dlr_mem> wholes;
    std::vector<dlr_mem> parts;
    for (const Bytes& bytes : first_) {
      wholes.push_back(device_.allocate(bytes.size() + 2 * offset));
      device_.put(wholes.back(), Bytes(bytes.size() + 2 * offset, kMargin));
      parts.push_back(behind(wholes.back(), offset, bytes.size()));
      device_.put(parts.back(), bytes);
    }
    const std::vector<dlr_kernel_arg> args = arguments(launch_, parts);
    const dlr_device_type& type = device_.type();
    dlr_built_kernel* built = nullptr;
    require_ok(type.build_kernel(device_.handle(), &launch_.kernel, dtype_, index_bits_, &built),
               "build_kernel");
    require_ok(type.launch(device_.handle(), device_.stream(), built, launch_.items, launch_.width,
                           args.data(), static_cast<uint32_t>(args.size())),
               "launch");
    device_.synchronize();
    type.release_kernel(device_.handle(), built);
    std::vector<Bytes> found;
    for (std::size_t i = 0; i < first_.size(); ++i)
      found.push_back(device_.get(wholes[i], first_[i].size() + 2 * offset));
    return found;
  }

  void compare_with_cpu() {
    std::vector<Bytes> expected = first_;
    std::vector<dlr_mem> mems;
    for (Bytes& bytes : expected)
      mems.push_back(host_memory(bytes.data(), bytes.size()));
    baseline(launch_.kernel, dtype_, index_bits_)(arguments(launch_, mems).data(), 0,
                                                  launch_.items);
    const std::vector<Bytes> found = on_device(0);
    const bool wide = dtype_ == DLR_F64;
    for (std::size_t i = 0; i < found.size(); ++i) {
      require_close(from_bytes(found[i], dtype_), from_bytes(expected[i], dtype_),
                    wide ? 1e-12 : 1e-5, 0, fmt::format("buffer {}", i));
    }
  }

  void check_offsets() {
    constexpr uint64_t kOffset = 24;
    const std::vector<Bytes> plain = on_device(0);
    const std::vector<Bytes> moved = on_device(kOffset);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      Bytes expected(plain[i].size() + 2 * kOffset, kMargin);
      std::copy(plain[i].begin(), plain[i].end(), expected.begin() + kOffset);
      require_bytes(moved[i], expected,
                    fmt::format("buffer {} at offset {}, with its margins", i, kOffset));
    }
  }

  void check_repeats() {
    const std::vector<Bytes> first = on_device(0);
    const std::vector<Bytes> second = on_device(0);
    for (std::size_t i = 0; i < first.size(); ++i)
      require_bytes(second[i], first[i], fmt::format("buffer {} of the second launch", i));
  }

 private:
  static constexpr unsigned char kMargin = 0x5A;
  RawDevice device_;
  const Launch& launch_;
  uint32_t dtype_;
  uint32_t index_bits_;
  std::vector<Bytes> first_;
};

// Neither a CPU build nor source that compiles.
void check_broken_kernel(const dlr_device_type& type) {
  dlr_kernel broken = kernels::core_fill;
  broken.source = host::to_abi("this is no kernel {");
  broken.variants = nullptr;
  broken.n_variants = 0;
  RawDevice device(type);
  dlr_built_kernel* built = nullptr;
  if (code_of(type.build_kernel(device.handle(), &broken, DLR_F32, 32, &built)) == 0)
    fail("a kernel of nonsense was built", "an error");
  require_ok(type.build_kernel(device.handle(), &kernels::core_fill, DLR_F32, 32, &built),
             "build_kernel after one that failed");
  type.release_kernel(device.handle(), built);
}

}  // namespace

void check_device_kernels(const dlr_device_type& type, const std::string& name, Runner& runner) {
  runner.rung("kernels");
  if (!DLR_HAS(&type, build_kernel) || type.build_kernel == nullptr)
    return runner.absent("it runs no portable kernels: layers run on the host");
  const std::vector<Launch> all = launches();
  for (const Launch& launch : all) {
    for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
      for (const uint32_t bits : {32u, 64u}) {
        if (launch.only_wide && bits != 64) continue;
        const std::string who =
            fmt::format("{}: {}, float{}, idx of {} bits", name, launch.form, dtype & 0xFF, bits);
        const auto check = [&](const char* rule, void (KernelRun::*body)()) {
          return runner.check(rule, who, [&] {
            count_devices(type);
            KernelRun run(type, launch, dtype, bits);
            (run.*body)();
          });
        };
        check("K1", &KernelRun::compare_with_cpu) && check("K3", &KernelRun::check_repeats) &&
            check("K2", &KernelRun::check_offsets);
      }
    }
  }
  runner.check("D8", name + ": kernels", [&] {
    count_devices(type);
    require_no_leak([&] { KernelRun(type, all[0], DLR_F32, 32).on_device(0); });
  });
  runner.check("K4", name, [&] {
    count_devices(type);
    check_broken_kernel(type);
  });
}

}  // namespace dlrun::conform
