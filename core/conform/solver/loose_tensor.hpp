// A tensor outside any net, with memory of its own: what a solver is given. Behind it lies a margin
// of known values, which nobody may write.
#pragma once

#include "core/conform/shape.hpp"
#include "core/conform/values.hpp"
#include "core/memory/buffer.hpp"
#include "core/net/executor.hpp"

namespace dlrun::conform {

class LooseTensor {
 public:
  // The margin is there when `executor` works in host memory.
  LooseTensor(net::Executor& executor, const Shape& shape, uint32_t dtype);
  LooseTensor(const LooseTensor&) = delete;
  LooseTensor& operator=(const LooseTensor&) = delete;

  dlr_tensor* handle() { return &tensor_; }
  Values values();
  void set(const Values& values);
  // Throws Failure.
  void require_margin(const std::string& what);

 private:
  Values read_whole();

  net::Executor& executor_;
  std::size_t count_;
  std::size_t margin_;
  memory::Slot slot_;
  memory::TrafficMeter meter_;
  memory::Buffer buffer_;
  dlr_tensor tensor_;
  dlr_tensor whole_;  // with the margin, over the same memory
};

}  // namespace dlrun::conform
