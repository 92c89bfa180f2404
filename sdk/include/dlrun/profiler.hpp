// profiler.hpp: "dlrun.profiler/1" by the functions of a device class.
//
//   struct dlr_device {
//     void begin_timing();
//     void end_timing();
//     void set_label(uint64_t label);
//     uint64_t now();
//     void give_spans(dlr_span_fn give, void* context);
//     ...
//   };
//   const dlr_profiler_type kProfiler = dlrun::profiler_type<dlr_device>();
//   const void* get_interface(dlr_string id) { return dlrun::profiler_for(id, kProfiler); }
//
// What each function does is said in profiler.h; they may throw, but for set_label.
#pragma once

#include <dlrun/profiler.h>
#include <dlrun/error.hpp>

namespace dlrun {

// How a function of the device is called: here with nothing around it but guard(). A device that must make itself current
// first gives a class of its own.
struct AsItIs {
  template <class Device, class Body>
  static dlr_error* run(Device*, Body&& body) {
    return guard(body);
  }
};

template <class Device, class Around = AsItIs>
constexpr dlr_profiler_type profiler_type() {
  return {
      sizeof(dlr_profiler_type),
      [](Device* device) { return Around::run(device, [&] { device->begin_timing(); }); },
      [](Device* device, uint64_t label) { device->set_label(label); },
      [](Device* device, uint64_t* ns) { return Around::run(device, [&] { *ns = device->now(); }); },
      [](Device* device, dlr_span_fn give, void* context) {
        return Around::run(device, [&] { device->give_spans(give, context); });
      },
      [](Device* device) { return Around::run(device, [&] { device->end_timing(); }); },
  };
}

// What get_interface answers.
inline const void* profiler_for(dlr_string id, const dlr_profiler_type& profiler) {
  return from_abi(id) == DLR_PROFILER_ID ? &profiler : nullptr;
}

}  // namespace dlrun
