// A device for tests of core/memory: its own memory, one private layout (elements in reverse), a
// count of what is alive, and calls that fail on request.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/host/error.hpp"
#include "core/memory/buffer.hpp"

struct dlr_plan {
  int64_t count;
  bool reverses;
};

namespace dlrun::test {

constexpr uint64_t kReversed = 77;

// What one fake device did and holds. Its functions reach it through the device's handle.
struct FakeState {
  bool in_host_memory = false;
  std::map<uint64_t, std::vector<char>> memory;
  uint64_t next_handle = 1;
  int plans = 0;
  int copies = 0;
  int waits = 0;
  bool fail_allocation = false;
  bool fail_copy = false;
};

inline FakeState& state_of(dlr_device* device) {
  return *reinterpret_cast<FakeState*>(device);
}

inline char* host_address(const dlr_mem& mem) {
  return reinterpret_cast<char*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

inline char* fake_address(dlr_device* device, const dlr_mem& mem) {
  if (mem.space == DLR_SPACE_HOST) return host_address(mem);
  return state_of(device).memory.at(mem.handle).data() + mem.offset;
}

inline dlr_error* fake_failure(const char* what) {
  return host::guard([&] { base::fail_work(what); });
}

inline dlr_device_type fake_type() {
  dlr_device_type type{};
  type.size = sizeof type;
  // A test opens it with the state's address in `index`.
  type.open = [](uint64_t index, const dlr_device_options*, dlr_device** out) -> dlr_error* {
    *out = reinterpret_cast<dlr_device*>(static_cast<uintptr_t>(index));
    return nullptr;
  };
  type.close = [](dlr_device*) {};
  type.info = [](dlr_device* device, dlr_device_info* out) -> dlr_error* {
    out->host_memory = state_of(device).in_host_memory ? 1 : 0;
    return nullptr;
  };
  type.allocate = [](dlr_device* device, uint64_t bytes, dlr_mem* out) -> dlr_error* {
    FakeState& state = state_of(device);
    if (state.fail_allocation) return fake_failure("no memory, as asked");
    const uint64_t handle = state.next_handle++;
    std::vector<char>& piece = state.memory[handle];
    piece.resize(bytes, 'x');
    *out = {reinterpret_cast<uintptr_t>(device), handle, 0, bytes};
    if (state.in_host_memory)
      *out = {DLR_SPACE_HOST, reinterpret_cast<uintptr_t>(piece.data()), 0, bytes};
    return nullptr;
  };
  type.release = [](dlr_device* device, dlr_mem mem) {
    FakeState& state = state_of(device);
    if (!state.in_host_memory) {
      state.memory.erase(mem.handle);
      return;
    }
    for (auto piece = state.memory.begin(); piece != state.memory.end(); ++piece) {
      if (reinterpret_cast<uintptr_t>(piece->second.data()) != mem.handle) continue;
      state.memory.erase(piece);
      return;
    }
  };
  type.copy = [](dlr_device* device, dlr_stream*, dlr_mem to, dlr_mem from,
                 uint64_t bytes) -> dlr_error* {
    if (state_of(device).fail_copy) return fake_failure("no copy, as asked");
    ++state_of(device).copies;
    std::memcpy(fake_address(device, to), fake_address(device, from), bytes);
    return nullptr;
  };
  type.zero = [](dlr_device* device, dlr_stream*, dlr_mem mem, uint64_t bytes) -> dlr_error* {
    std::memset(fake_address(device, mem), 0, bytes);
    return nullptr;
  };
  type.create_stream = [](dlr_device*, dlr_stream** out) -> dlr_error* {
    *out = nullptr;
    return nullptr;
  };
  type.destroy_stream = [](dlr_device*, dlr_stream*) {};
  type.synchronize = [](dlr_device* device, dlr_stream*) -> dlr_error* {
    ++state_of(device).waits;
    return nullptr;
  };
  type.plan = [](dlr_device* device, dlr_op_desc* desc, dlr_plan** out) -> dlr_error* {
    const bool reverses = desc->args[0]->layout != desc->args[1]->layout;
    *out = new dlr_plan{memory::element_count(*desc->args[0]), reverses};
    ++state_of(device).plans;
    return nullptr;
  };
  type.destroy_plan = [](dlr_device* device, dlr_plan* plan) {
    --state_of(device).plans;
    delete plan;
  };
  type.run = [](dlr_device* device, dlr_stream*, dlr_plan* plan, const dlr_mem* args, uint32_t,
                dlr_mem, dlr_mem) -> dlr_error* {
    const auto* from = reinterpret_cast<const float*>(fake_address(device, args[0]));
    auto* to = reinterpret_cast<float*>(fake_address(device, args[1]));
    for (int64_t i = 0; i < plan->count; ++i)
      to[i] = from[plan->reverses ? plan->count - 1 - i : i];
    return nullptr;
  };
  // Its layout has no padding.
  type.zero_padding = [](dlr_device*, dlr_stream*, const dlr_tensor_desc*, dlr_mem) -> dlr_error* {
    return nullptr;
  };
  type.layout_bytes = [](dlr_device*, const dlr_tensor_desc* desc, uint64_t* out) -> dlr_error* {
    *out = memory::plain_bytes(*desc);
    return nullptr;
  };
  return type;
}

// An open one with its state.
struct FakeDevice {
  explicit FakeDevice(const std::string& name, bool in_host_memory = false)
      : type(fake_type()),
        device((state.in_host_memory = in_host_memory, name), type,
               reinterpret_cast<uintptr_t>(&state), {sizeof(dlr_device_options), 0, {"", 0}}) {}

  FakeState state;
  dlr_device_type type;
  memory::Device device;
};

}  // namespace dlrun::test
