// Gives tensors their first values by filler plugins.
#pragma once

#include <dlrun/abi.h>

#include "core/host/params.hpp"
#include "core/net/catalogue.hpp"
#include "core/net/executor.hpp"

namespace dlrun::net {

// `filler` is a FillerParameter. The values are a pure function of filler, shape and key.
void fill_tensor(Catalogue& catalogue, Executor& executor, dlr_tensor& tensor,
                 const dlr_params& filler, dlr_random_key key);

}  // namespace dlrun::net
