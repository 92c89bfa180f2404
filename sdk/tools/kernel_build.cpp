// The source file of every kernel build: -DDLR_KERNEL_FILE='"relu.kernel.h"' -DDLR_ISA=avx2 and the flags of that ISA.
#include <dlrun/kernel_build.h>
