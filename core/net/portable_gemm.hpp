// Operators that every device has because core brings a portable kernel for them: gemm.
#pragma once

#include "core/net/executor.hpp"

namespace dlrun::net {

bool is_portable(const Operator& op);
void run_portable(Executor& executor, uint32_t dtype, const Operator& op, const dlr_arg* args);

}  // namespace dlrun::net
