// Whether a net that is trained can learn.
#pragma once

#include "core/base/error.hpp"
#include "core/net/net.hpp"

namespace dlrun::net {

// A layer without a gradient on the way from a loss to a layer that learns is an error: nobody
// would see what is missing. A net in which nothing learns, at `where`, is warned of; Caffe trains
// it without a word.
void check_learning(const Net& net, const base::Location& where);

}  // namespace dlrun::net
