// In the place of gemm_clblast.cpp in builds without CLBlast.
#include "plan.hpp"

namespace dlrun::opencl {

std::unique_ptr<Plan> plan_gemm(const OpView&, uint64_t, Stream&) {
  throw Declined("built without CLBlast");
}

}  // namespace dlrun::opencl
