// Modules and launches. A program's text contains a kernel file; the kernel of that file and name
// is looked for among those of core's, of loaded plugins and those that a test added.
#include "kernels.hpp"

#include <dlfcn.h>
#include <link.h>

#include <cstring>
#include <set>

#include "control.hpp"
#include "core.kernel.h.inc"
#include "machine.hpp"
#include "memory.hpp"

struct CUfunc_st {
  std::string name;
  dlr_cpu_entry entry;
  bool is_double;
  bool is_wide;
  dlrun::KernelForm form;
  std::vector<dlrun::KernelParameter> parameters;
};
struct CUmod_st {
  std::string text;
  std::vector<std::unique_ptr<CUfunc_st>> functions;
};

namespace cuda_double {

namespace {

constexpr const char* kModule = "module";
constexpr const char* kFunction = "function";
constexpr std::string_view kMagic = "CUBIN of the double for sm_";
constexpr std::string_view kEntry = "_entry";

const dlr_kernel* const kCoreKernels[] = {
    &kernels::core_fill,  &kernels::core_copy,       &kernels::core_add,
    &kernels::core_scale, &kernels::core_regularize, &kernels::core_square_sums,
    &kernels::core_gemm,
};

struct Known {
  std::set<std::string> libraries;
  std::vector<const dlr_kernel*> kernels{std::begin(kCoreKernels), std::end(kCoreKernels)};
};
Known& known() {
  static Known known;
  return known;
}

template <class Type>
void add_kernels_of(const void* type) {
  const auto& provider = *static_cast<const Type*>(type);
  known().kernels.insert(known().kernels.end(), provider.kernels,
                         provider.kernels + provider.n_kernels);
}

void add_plugin(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) return;
  const auto query = reinterpret_cast<dlr_plugin_query_fn>(dlsym(library, "dlrun_plugin_query"));
  dlclose(library);  // it stays loaded: others have it open
  const char* why = nullptr;
  const dlr_plugin* plugin = query == nullptr ? nullptr : query(DLR_ABI_MAJOR, DLR_ABI_MINOR, &why);
  for (uint64_t i = 0; plugin != nullptr && i < plugin->n_provided; ++i) {
    const dlr_provided& provided = *plugin->provided[i];
    const std::string_view id = dlrun::from_abi(provided.interface_id);
    if (id == "dlrun.layer/1") add_kernels_of<dlr_layer_type>(provided.type);
    if (id == "dlrun.solver/1") add_kernels_of<dlr_solver_type>(provided.type);
  }
}

int note_library(dl_phdr_info* info, size_t, void* found) {
  static_cast<std::set<std::string>*>(found)->insert(info->dlpi_name);
  return 0;
}

void add_loaded_plugins() {
  std::set<std::string> loaded;
  dl_iterate_phdr(note_library, &loaded);
  for (const std::string& path : loaded) {
    if (!path.empty() && known().libraries.insert(path).second) add_plugin(path.c_str());
  }
}

const dlr_kernel& find_kernel(const std::string& name, const std::string& text) {
  add_loaded_plugins();
  for (const dlr_kernel* kernel : known().kernels) {
    if (dlrun::from_abi(kernel->name) == name &&
        text.find(dlrun::from_abi(kernel->source)) != std::string::npos)
      return *kernel;
  }
  throw Misuse("no loaded plugin has the kernel '" + name + "'");
}

bool defines(const std::string& text, const std::string& what) {
  return text.find("#define " + what + "\n") != std::string::npos;
}

std::unique_ptr<CUfunc_st> make_function(const std::string& name, const std::string& text) {
  const dlr_kernel& kernel = find_kernel(name, text);
  auto function = std::make_unique<CUfunc_st>();
  function->name = name;
  function->is_double = defines(text, "DLR_REAL_BITS 64");
  function->is_wide = defines(text, "DLR_INDEX_BITS 64");
  function->form = dlrun::kernel_form(dlrun::from_abi(kernel.source), name);
  function->parameters = dlrun::parse_parameters(dlrun::from_abi(kernel.parameters));
  const dlr_cpu_variant& build = *kernel.variants[0];
  function->entry = function->is_wide ? (function->is_double ? build.f64_wide : build.f32_wide)
                                      : (function->is_double ? build.f64 : build.f32);
  return function;
}

// The buffer that holds a launch's arguments, read as the entry point's parameters lie in it.
class Packed {
 public:
  Packed(const void* data, size_t bytes) : data_(static_cast<const char*>(data)), bytes_(bytes) {}

  template <class T>
  T next() {
    at_ = (at_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    require(at_ + sizeof(T) <= bytes_, "too few bytes of arguments for the kernel's parameters");
    T value;
    std::memcpy(&value, data_ + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  void require_end() const { require(at_ == bytes_, "more bytes of arguments than parameters"); }

 private:
  const char* data_;
  size_t bytes_;
  size_t at_ = 0;
};

uint64_t element_bytes(const CUfunc_st& function, const std::string& type) {
  if (type == "real" || type == "acc_t") return function.is_double ? 8 : 4;
  if (type == "idx") return function.is_wide ? 8 : 4;
  return type == "u64" ? 8 : 4;
}

struct Launch {
  std::vector<dlr_kernel_arg> args;  // buffers by their device address
  std::vector<uint64_t> alignments;  // 0 for scalars
  int64_t items = 0;
};

Launch read_launch(const CUfunc_st& function, Packed packed) {
  using dlrun::KernelParameterKind;
  Launch launch;
  const auto index = [&]() -> int64_t {
    return function.is_wide ? packed.next<int64_t>() : packed.next<int32_t>();
  };
  for (const dlrun::KernelParameter& parameter : function.parameters) {
    dlr_kernel_arg arg{};
    launch.alignments.push_back(0);
    switch (parameter.kind) {
      case KernelParameterKind::kBuffer:
        arg.mem.handle = packed.next<CUdeviceptr>();
        launch.alignments.back() = element_bytes(function, parameter.element_type);
        break;
      case KernelParameterKind::kReal:
        arg.real = function.is_double ? packed.next<double>() : packed.next<float>();
        break;
      case KernelParameterKind::kIndex:
        arg.integer = index();
        break;
      case KernelParameterKind::kI32:
        arg.integer = packed.next<int32_t>();
        break;
      case KernelParameterKind::kU32:
        arg.integer = packed.next<uint32_t>();
        break;
      case KernelParameterKind::kU64:
        arg.integer = static_cast<int64_t>(packed.next<uint64_t>());
        break;
    }
    launch.args.push_back(arg);
  }
  launch.items = index();
  packed.require_end();
  return launch;
}

void run_launch(const CUfunc_st& function, int device, Launch launch) {
  for (size_t i = 0; i < launch.args.size(); ++i) {
    dlr_mem& mem = launch.args[i].mem;
    if (launch.alignments[i] == 0 || mem.handle == 0) continue;
    // A tensor without elements may have less memory than one element takes: nothing reads it.
    mem.handle =
        reinterpret_cast<uint64_t>(real_address(device, mem.handle, 0, launch.alignments[i]));
  }
  function.entry(launch.args.data(), 0, launch.items);
}

void require_grid(const CUfunc_st& function, unsigned blocks, unsigned threads) {
  require(blocks >= 1 && threads >= 1, "an empty grid");
  require(threads <= 256, "more threads in a block than the kernel was compiled for");
  if (function.form == dlrun::KernelForm::kGroups)
    require((threads & (threads - 1)) == 0, "a group's size must be a power of two");
}

}  // namespace

void add_kernel(const dlr_kernel& kernel) {
  known().kernels.push_back(&kernel);
}

std::string make_cubin(int architecture, const std::string& text) {
  return std::string(kMagic) + std::to_string(architecture) + "\n" + text + '\0';
}

}  // namespace cuda_double

using namespace cuda_double;

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return call("cuModuleLoadData", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    const std::string cubin = static_cast<const char*>(image);
    if (cubin.rfind(kMagic, 0) != 0) return CUDA_ERROR_INVALID_IMAGE;
    const auto architecture = std::stoull(cubin.substr(kMagic.size()));
    const uint64_t capability = options().capability;
    if (architecture / 10 != capability / 10 || architecture > capability)
      return CUDA_ERROR_NO_BINARY_FOR_GPU;
    *module = new CUmod_st{cubin.substr(cubin.find('\n') + 1), {}};
    add_object(*module, kModule, current_device());
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleUnload(CUmodule module) {
  return release("cuModuleUnload", CUDA_SUCCESS, [&] {
    remove_object(module, kModule);
    for (const auto& function : module->functions)
      remove_object(function.get(), kFunction);
    delete module;
  });
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  return call("cuModuleGetFunction", CUDA_ERROR_UNKNOWN, CUDA_ERROR_NOT_FOUND, [&] {
    require_object(module, kModule);
    const std::string entry = name;
    if (module->text.find(" " + entry + "(") == std::string::npos) return CUDA_ERROR_NOT_FOUND;
    module->functions.push_back(
        make_function(entry.substr(0, entry.size() - kEntry.size()), module->text));
    *function = module->functions.back().get();
    add_object(*function, kFunction, current_device());
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchKernel(CUfunction function, unsigned blocks, unsigned blocks_y, unsigned blocks_z,
                        unsigned threads, unsigned threads_y, unsigned threads_z, unsigned shared,
                        CUstream stream, void** parameters, void** extra) {
  return call("cuLaunchKernel", CUDA_ERROR_UNKNOWN, CUDA_ERROR_INVALID_VALUE, [&] {
    const int device = require_object(function, kFunction);
    require(device == current_device(), "a kernel of another context");
    require(blocks_y == 1 && blocks_z == 1 && threads_y == 1 && threads_z == 1 && shared == 0,
            "kernels of the dialect are one-dimensional");
    require_grid(*function, blocks, threads);
    require(parameters == nullptr && extra != nullptr &&
                extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER &&
                extra[2] == CU_LAUNCH_PARAM_BUFFER_SIZE && extra[4] == CU_LAUNCH_PARAM_END,
            "arguments come in one buffer with its size");
    const Launch launch =
        read_launch(*function, Packed(extra[1], *static_cast<const size_t*>(extra[3])));
    issue(stream, {"a kernel", [=] {
                     try {
                       run_launch(*function, device, launch);
                     } catch (const Misuse& misuse) {
                       throw Misuse("kernel '" + function->name + "': " + misuse.what());
                     }
                   }});
    return CUDA_SUCCESS;
  });
}
