// The numbers of cuDNN's stand-in: operators of the cpu device, which is linked into the double.
#pragma once

#include <dlrun/operator.hpp>

#include <vector>

#include "memory.hpp"

namespace cuda_double {

// An operator of docs/operators.md on a device's memory, to be used by a command that runs.
// Describe it by `desc`, give its arguments in their order, then run it.
template <class T>
class CpuOperator {
 public:
  CpuOperator(const char* op, int device) : desc(op), device_(device) {}

  void reads(const dlrun::Shape& shape, const void* at);
  void absent();
  // What the operator writes: into memory of its own, to be read by `written` behind `run`.
  void writes(const dlrun::Shape& shape);

  // `reserve` is what a forward leaves to its backward; null for operators without. Throws Misuse
  // when the cpu device doesn't plan this operator.
  void run(std::vector<T>* reserve = nullptr);
  const std::vector<T>& written() const { return written_; }

  dlrun::OperatorDesc desc;

 private:
  static constexpr uint32_t kType = sizeof(T) == sizeof(double) ? DLR_F64 : DLR_F32;
  int device_;
  std::vector<dlr_mem> args_;
  std::vector<T> written_;
};

}  // namespace cuda_double
