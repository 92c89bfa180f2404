// A timeline as Chrome's trace events, the JSON that Perfetto and chrome://tracing open.
#pragma once

#include <nlohmann/json.hpp>

#include "core/train/layer_clock.hpp"

namespace dlrun::train {

// A process for the host and one for each device that was timed by its own clock, a thread for each
// stream. On the host's: passes, and in them layers. On a stream's: layers, and in them kernels,
// operators and copies. Layers carry type, device, phase, and the flops and bytes that they declare
// for one forward pass.
nlohmann::json chrome_trace(const net::Net& net, const Timeline& timeline);

}  // namespace dlrun::train
