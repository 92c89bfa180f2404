#include "core/conform/handed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "core/base/error.hpp"
#include "core/conform/runner.hpp"
#include "core/host/error.hpp"
#include "core/host/host_table.hpp"

namespace dlrun::conform {
namespace {

std::atomic<Handed*> watcher = nullptr;

const dlr_context_api& host_api() {
  return *host::host_table()->context;
}

template <class Struct>
void watch(dlr_context* context, const Struct& handed, const char* name) {
  Handed* const to = watcher;
  if (to != nullptr && DLR_HAS(&handed, reserved))
    to->passed(context, name, &handed.reserved, sizeof handed.reserved);
}

dlr_error* set_top(dlr_context* context, uint32_t index, const dlr_tensor_desc* desc) {
  if (Handed* const to = watcher) to->reached(context);
  return host_api().set_top(context, index, desc);
}
void set_facts(dlr_context* context, const dlr_layer_facts* facts) {
  watch(context, *facts, "dlr_layer_facts");
  host_api().set_facts(context, facts);
}
void set_bottom_facts(dlr_context* context, uint32_t index, const dlr_bottom_facts* facts) {
  watch(context, *facts, "dlr_bottom_facts");
  host_api().set_bottom_facts(context, index, facts);
}
void set_top_facts(dlr_context* context, uint32_t index, const dlr_top_facts* facts) {
  watch(context, *facts, "dlr_top_facts");
  host_api().set_top_facts(context, index, facts);
}
dlr_error* add_param(dlr_context* context, const dlr_param_desc* desc, uint32_t* index) {
  watch(context, *desc, "dlr_param_desc");
  return host_api().add_param(context, desc, index);
}
dlr_error* add_scratch(dlr_context* context, const dlr_scratch_desc* desc, uint32_t* index) {
  watch(context, *desc, "dlr_scratch_desc");
  return host_api().add_scratch(context, desc, index);
}
dlr_error* add_operator(dlr_context* context, const dlr_op_desc* desc, dlr_string role,
                        uint32_t* index) {
  watch(context, *desc, "dlr_op_desc");
  return host_api().add_operator(context, desc, role, index);
}
dlr_error* launch(dlr_context* context, const dlr_kernel* kernel, int64_t items, int64_t width,
                  const dlr_arg* args, uint32_t n_args) {
  if (Handed* const to = watcher) to->launched(context, kernel);
  return host_api().launch(context, kernel, items, width, args, n_args);
}

}  // namespace

const dlr_context_api* watched_context() {
  static const dlr_context_api api = [] {
    dlr_context_api made = host_api();
    made.set_top = set_top;
    made.set_facts = set_facts;
    made.set_bottom_facts = set_bottom_facts;
    made.set_top_facts = set_top_facts;
    made.add_param = add_param;
    made.add_scratch = add_scratch;
    made.add_operator = add_operator;
    made.launch = launch;
    return made;
  }();
  return &api;
}

Handed::Handed(std::string layer) : layer_(std::move(layer)) {
  if (watcher.exchange(this) != nullptr) base::fail_work("two Handed at once");
}

Handed::~Handed() {
  watcher = nullptr;
}

bool Handed::is_watched(dlr_context* context) const {
  return layer_.empty() || host::from_abi(host_api().name(context)) == layer_;
}

void Handed::reached(dlr_context* context) {
  is_reached_ = is_reached_ || is_watched(context);
}

void Handed::launched(dlr_context* context, const dlr_kernel* kernel) {
  if (is_watched(context)) kernels_.insert(kernel);
}

void Handed::passed(dlr_context* context, const char* of_struct, const void* reserved,
                    std::size_t bytes) {
  const auto* first = static_cast<const unsigned char*>(reserved);
  if (is_watched(context) &&
      std::any_of(first, first + bytes, [](unsigned char byte) { return byte != 0; }))
    reserved_.insert(of_struct);
}

void Handed::require_listed(const dlr_kernel* const* kernels, uint64_t n_kernels) const {
  for (const dlr_kernel* kernel : kernels_) {
    if (std::find(kernels, kernels + n_kernels, kernel) == kernels + n_kernels)
      fail(fmt::format("it launches the kernel {}, which isn't listed",
                       host::from_abi(kernel->name)),
           "each of them in `kernels` of its type");
  }
}

void Handed::require_nothing_reserved() const {
  if (!reserved_.empty())
    fail(fmt::format("a reserved field of {} isn't 0", *reserved_.begin()), "0");
}

}  // namespace dlrun::conform
