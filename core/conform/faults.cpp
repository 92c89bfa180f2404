#include "core/conform/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/base/error.hpp"
#include "core/conform/handed.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/runner.hpp"
#include "core/host/error.hpp"
#include "core/host/host_table.hpp"

namespace dlrun::conform {
namespace {

// Calls may come from any thread.
std::atomic<bool> is_armed = false;
std::atomic<int64_t> calls_so_far = 0;
std::atomic<int64_t> failing_call = -1;  // -1: none
std::atomic<const char*> failed = nullptr;

bool must_fail(const char* name) {
  if (!is_armed || calls_so_far++ != failing_call) return false;
  failed = name;
  return true;
}

dlr_error* made_to_fail(const char* name) {
  return host::make_error(DLR_INTERNAL_ERROR,
                          fmt::format("{} was made to fail (dlrun conform)", name));
}

template <class Api>
const Api* real_api();
template <>
const dlr_params_api* real_api() {
  return host::host_table()->params;
}
template <>
const dlr_context_api* real_api() {
  return watched_context();
}
template <>
const dlr_data_api* real_api() {
  return host::host_table()->data;
}

// Stands in for one function of a table.
template <auto kFunction>
struct Faulty;
template <class Api, class... Args, dlr_error* (*Api::*kFunction)(Args...)>
struct Faulty<kFunction> {
  static inline const char* name = "";
  static dlr_error* call(Args... args) {
    if (must_fail(name)) return made_to_fail(name);
    return (real_api<Api>()->*kFunction)(args...);
  }
  static void replace(Api& api, const char* the_name) {
    name = the_name;
    api.*kFunction = call;
  }
};

// error_at is left out: its error is its result.
dlr_params_api faulty_params() {
  dlr_params_api api = *real_api<dlr_params_api>();
  Faulty<&dlr_params_api::number>::replace(api, "params.number");
  Faulty<&dlr_params_api::integer>::replace(api, "params.integer");
  Faulty<&dlr_params_api::text>::replace(api, "params.text");
  Faulty<&dlr_params_api::message>::replace(api, "params.message");
  Faulty<&dlr_params_api::path>::replace(api, "params.path");
  return api;
}

dlr_context_api faulty_context() {
  dlr_context_api api = *real_api<dlr_context_api>();
  Faulty<&dlr_context_api::add_param>::replace(api, "context.add_param");
  Faulty<&dlr_context_api::set_top>::replace(api, "context.set_top");
  Faulty<&dlr_context_api::add_scratch>::replace(api, "context.add_scratch");
  Faulty<&dlr_context_api::add_operator>::replace(api, "context.add_operator");
  Faulty<&dlr_context_api::launch>::replace(api, "context.launch");
  Faulty<&dlr_context_api::run_operator>::replace(api, "context.run_operator");
  Faulty<&dlr_context_api::map>::replace(api, "context.map");
  Faulty<&dlr_context_api::fill>::replace(api, "context.fill");
  return api;
}

dlr_data_api faulty_data() {
  dlr_data_api api = *real_api<dlr_data_api>();
  Faulty<&dlr_data_api::open_decoder>::replace(api, "data.open_decoder");
  Faulty<&dlr_data_api::decode_datum>::replace(api, "data.decode_datum");
  Faulty<&dlr_data_api::decode_blob>::replace(api, "data.decode_blob");
  Faulty<&dlr_data_api::open_database>::replace(api, "data.open_database");
  Faulty<&dlr_data_api::count>::replace(api, "data.count");
  Faulty<&dlr_data_api::first>::replace(api, "data.first");
  Faulty<&dlr_data_api::next>::replace(api, "data.next");
  return api;
}

// The same tables by their ids.
const void* get_interface(dlr_string id) {
  const dlr_host* host = faulty_host();
  const std::string_view name = host::from_abi(id);
  if (name == "dlrun.params/1") return host->params;
  if (name == "dlrun.context/1") return host->context;
  if (name == "dlrun.data/1") return host->data;
  return host::host_table()->get_interface(id);
}

// Calls fail while it lives: the one at `call`, or none.
class Fault {
 public:
  explicit Fault(int64_t call = -1) {
    calls_so_far = 0;
    failing_call = call;
    failed = nullptr;
    is_armed = true;
  }
  ~Fault() { is_armed = false; }
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
};

int64_t count_calls(const std::function<void()>& round) {
  const Fault none;
  round();
  return calls_so_far;
}

void require_error(const std::function<void()>& round, int64_t call) {
  const Fault fault(call);
  try {
    round();
  } catch (const base::Error&) {
    return;
  }
  if (failed != nullptr)
    fail(fmt::format("call {} of the host, {}, failed, and the plugin's succeeded", call + 1,
                     failed.load()),
         "the plugin's fails with it");
}

}  // namespace

const dlr_host* faulty_host() {
  static const dlr_params_api params = faulty_params();
  static const dlr_context_api context = faulty_context();
  static const dlr_data_api data = faulty_data();
  static const dlr_host host = [] {
    dlr_host made = *host::host_table();
    made.get_interface = get_interface;
    made.params = &params;
    made.context = &context;
    made.data = &data;
    return made;
  }();
  return &host;
}

dlr_error* faulty_write(void*, dlr_string) {
  constexpr const char* kName = "save_state's write";
  return must_fail(kName) ? made_to_fail(kName) : nullptr;
}

void use(const std::function<void()>& body) {
  try {
    return body();
  } catch (const base::Error&) {
    try {
      body();
    } catch (const base::Error& again) {
      fail(fmt::format("behind a failed {}, the same call fails without a reason: {}",
                       failed != nullptr ? failed.load() : "call", again.what()),
           "success, as the object itself is whole");
    }
    throw;
  }
}

void require_errors_returned(const std::function<void()>& round) {
  constexpr int64_t kMostCalls = 200;
  const int64_t n = std::min(count_calls(round), kMostCalls);
  if (n == 0) decline("it makes no call of the host that can fail");
  const auto each_call = [&] {
    for (int64_t call = 0; call < n; ++call)
      require_error(round, call);
  };
  each_call();
  try {
    round();
  } catch (const base::Error& error) {
    fail(fmt::format("behind errors of the host, it fails without one: {}", error.what()),
         "success");
  }
  constexpr int kRounds = 2;
  require_no_leak(each_call, kRounds);
}

}  // namespace dlrun::conform
