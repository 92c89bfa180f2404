// Core's own kernels (core.kernel.h) as `kernels::core_add` and so on.
#pragma once

#include "core.kernel.h.inc"
