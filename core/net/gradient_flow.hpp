// Decides where gradients flow: which layers run backward and which gradients they write.
#pragma once

#include "core/net/net.hpp"

namespace dlrun::net {

// Fills in runs_backward and wants_gradient of stages, needs_gradient and parts of values,
// wants_gradient of parameters. A gradient is computed when something that can learn lies above it
// and a loss (or, with force_backward, any output) below.
void find_gradient_flow(const std::vector<std::unique_ptr<Stage>>& stages,
                        const std::vector<std::unique_ptr<Value>>& values,
                        const std::vector<std::unique_ptr<Param>>& params,
                        const NetOptions& options);

}  // namespace dlrun::net
