// device.hpp: helpers for device plugins. The device interface itself is the C struct
// dlr_device_type: a device fills it with its own functions and wraps each body in guard().
#pragma once

#include <dlrun/array.hpp>
#include <dlrun/tensor.hpp>

#include <string_view>
#include <vector>

namespace dlrun {

// What a device throws to decline an operator, with the reason that the placement report prints.
class Declined : public Error {
 public:
  explicit Declined(const std::string& reason) : Error(reason, DLR_UNIMPLEMENTED) {}
};

// Read access to an operator's description.
class OpView {
 public:
  explicit OpView(dlr_op_desc& desc) : desc_(desc) {}
  std::string_view op() const { return from_abi(desc_.op); }
  int n_args() const { return static_cast<int>(desc_.n_args); }
  dlr_tensor_desc& arg(int index) const { return *desc_.args[index]; }
  bool has_arg(int index) const { return index < n_args() && arg(index).dtype != 0; }
  Shape shape(int index) const { return Shape(arg(index)); }

  std::vector<int64_t> integers(std::string_view name) const {
    const dlr_attribute* attribute = find(name);
    if (attribute == nullptr) return {};
    return {attribute->integers, attribute->integers + attribute->n_integers};
  }
  int64_t integer(std::string_view name, int64_t otherwise) const {
    const dlr_attribute* attribute = find(name);
    return attribute != nullptr && attribute->n_integers > 0 ? attribute->integers[0] : otherwise;
  }
  double number(std::string_view name, double otherwise) const {
    const dlr_attribute* attribute = find(name);
    return attribute != nullptr ? attribute->number : otherwise;
  }
  dlr_op_desc& desc() const { return desc_; }

 private:
  const dlr_attribute* find(std::string_view name) const {
    for (uint32_t i = 0; i < desc_.n_attributes; ++i) {
      if (from_abi(desc_.attributes[i]->name) == name) return desc_.attributes[i];
    }
    return nullptr;
  }
  dlr_op_desc& desc_;
};

// The address of a memory in the host's space.
template <class T>
T* address(const dlr_mem& mem) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

}  // namespace dlrun
