// array.hpp: plain elements in host memory, as sources deliver, transforms change and fillers fill
// them.
#pragma once

#include <dlrun/tensor.hpp>

namespace dlrun {

inline Shape shape_of(const dlr_array& array) {
  Shape shape;
  for (uint32_t axis = 0; axis < array.rank; ++axis)
    shape.push_back(array.dim[axis]);
  return shape;
}

// An array over memory that somebody else owns.
inline dlr_array make_array(void* data, uint32_t dtype, const Shape& shape) {
  dlr_array array{};
  array.data = data;
  array.dtype = dtype;
  array.rank = static_cast<uint32_t>(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis)
    array.dim[axis] = shape[axis];
  array.bytes = static_cast<uint64_t>(shape.count()) * bytes_of(dtype);
  return array;
}

// Calls `use(T*)` with the array's data as what its dtype says (const for const arrays).
template <class Use>
void with_elements(const dlr_array& array, Use&& use) {
  switch (array.dtype) {
    case DLR_U8:
      return use(static_cast<const uint8_t*>(array.data));
    case DLR_F32:
      return use(static_cast<const float*>(array.data));
    case DLR_F64:
      return use(static_cast<const double*>(array.data));
    case DLR_I32:
      return use(static_cast<const int32_t*>(array.data));
    case DLR_I64:
      return use(static_cast<const int64_t*>(array.data));
    default:
      throw Error("unknown element type " + std::to_string(array.dtype), DLR_INTERNAL_ERROR);
  }
}

}  // namespace dlrun
