// filler.hpp: the first values of parameters.
#pragma once

#include <dlrun/random.h>
#include <dlrun/array.hpp>
#include <dlrun/params.hpp>

namespace dlrun {

// Writes `out.count` values through `set(i, double)`, i in row-major order. Pure: the same key, the
// same values.
//   void YourFill(const Params& filler, dlr_random_key key, Values& out)
class Values {
 public:
  explicit Values(dlr_array& array) : array_(array), shape_(shape_of(array)) {}
  const Shape& shape() const { return shape_; }
  int64_t count() const { return shape_.count(); }
  void set(int64_t index, double value) {
    if (array_.dtype == DLR_F64) {
      static_cast<double*>(array_.data)[index] = value;
    } else {
      static_cast<float*>(array_.data)[index] = static_cast<float>(value);
    }
  }

 private:
  dlr_array& array_;
  Shape shape_;
};

template <void (*Fill)(const Params&, dlr_random_key, Values&)>
constexpr dlr_filler_type filler_type() {
  return {sizeof(dlr_filler_type), [](const dlr_params* params, dlr_random_key key, dlr_array* out) {
            return guard([&] {
              Values values(*out);
              Fill(Params(params), key, values);
            });
          }};
}

}  // namespace dlrun
