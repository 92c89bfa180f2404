// What a device's profiler tells, kept.
#pragma once

#include <dlrun/profiler.h>

#include <string>
#include <vector>

#include "tests/unit/device_plugin.hpp"

namespace device_test {

struct Span {
  std::string name;
  uint64_t label;
  uint64_t stream;
  uint64_t begin_ns;
  uint64_t end_ns;
};

// For dlr_profiler_type::collect; the context is a std::vector<Span>.
inline void keep(void* context, const dlr_span* span) {
  static_cast<std::vector<Span>*>(context)->push_back({std::string(dlrun::from_abi(span->name)),
                                                       span->label, span->stream, span->begin_ns,
                                                       span->end_ns});
}

}  // namespace device_test
