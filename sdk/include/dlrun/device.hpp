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

// Read access to an operator's description. Throws when that can't be: then no plan need look for it. Declines what
// docs/operators.md doesn't list, for it may have been said after this header: a further argument or attribute of an
// operator, an element type, a parameter of a fusion.
class OpView {
 public:
  explicit OpView(dlr_op_desc& desc) : desc_(desc) {
    for (uint32_t i = 0; i < desc.n_args; ++i) {
      if (desc.args == nullptr || desc.args[i] == nullptr) throw Error("an argument isn't described");
      check(*desc.args[i]);
    }
    check_operator();
    for (uint32_t i = 0; i < desc.n_post_ops; ++i) {
      const dlr_post_op& post = *desc.post_ops[i];
      if (post.beta != 0 || post.operand >= 0) throw Declined("a fusion with more than alpha");
    }
  }
  std::string_view op() const { return from_abi(desc_.op); }
  int n_args() const { return static_cast<int>(desc_.n_args); }
  dlr_tensor_desc& arg(int index) const {
    if (index < 0 || index >= n_args()) throw Error("too few arguments are described");
    return *desc_.args[index];
  }
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
  static void check(const dlr_tensor_desc& arg) {
    if (arg.rank > DLR_MAX_RANK) throw Error("a tensor has at most 8 dimensions");
    for (uint32_t axis = 0; axis < arg.rank; ++axis) {
      if (arg.dim[axis] < 0) throw Error("a tensor has a negative size");
    }
    for (const uint32_t known : {0u, DLR_F32, DLR_F64, DLR_I32, DLR_I64, DLR_U8}) {
      if (arg.dtype == known) return;
    }
    throw Declined("an unknown element type");
  }

  // An operator of docs/operators.md: how many arguments it has, which of them may be absent, its attributes.
  struct Operator {
    std::string_view op;
    int count;
    int optional;                 // -1: none
    std::string_view attributes;  // with a space in front of and behind each
    bool open_ended = false;      // there may be more arguments
  };
  void check_operator() const {
    constexpr std::string_view kConvolution = " kernel stride pad dilation group ";
    constexpr std::string_view kMaxPooling = " kernel stride pad training pair ";
    constexpr std::string_view kAveragePooling = " kernel stride pad ";
    constexpr std::string_view kLrn = " size training pair alpha beta k ";
    constexpr std::string_view kNone = " ";
    constexpr Operator kKnown[] = {
        {"gemm", 3, -1, " m n k transpose_a transpose_b lda ldb ldc alpha beta "},
        {"convolution_forward", 4, 2, kConvolution},
        {"convolution_backward_data", 3, -1, kConvolution},
        {"convolution_backward_weights", 4, 3, kConvolution},
        {"deconvolution_forward", 4, 2, kConvolution},
        {"inner_product_forward", 4, 2, " transpose "},
        {"inner_product_backward_data", 3, -1, " transpose "},
        {"inner_product_backward_weights", 4, 3, " transpose "},
        {"pooling_max_forward", 2, -1, kMaxPooling},
        {"pooling_max_backward", 2, -1, kMaxPooling},
        {"pooling_average_forward", 2, -1, kAveragePooling},
        {"pooling_average_backward", 2, -1, kAveragePooling},
        {"lrn_forward", 2, -1, kLrn},
        {"lrn_backward", 4, -1, kLrn},
        {"softmax_forward", 2, -1, " axis "},
        {"softmax_backward", 3, -1, " axis "},
        {"relu_forward", 2, -1, " slope "},
        {"sigmoid_forward", 2, -1, kNone},
        {"tanh_forward", 2, -1, kNone},
        {"sum", 2, -1, kNone, true},
        {"batch_norm_forward", 4, -1, " epsilon global "},
        {"batch_norm_backward", 5, -1, " epsilon global "},
        {"concat", 2, -1, " axis ", true},
        {"reorder", 2, -1, kNone},
    };
    for (const Operator& known : kKnown) {
      if (known.op == op()) check_against(known);
    }
  }
  void check_against(const Operator& known) const {
    if (n_args() < known.count) throw Error("too few arguments are described");
    if (n_args() > known.count && !known.open_ended)
      throw Declined("more arguments than " + std::string(op()) + " has");
    for (int i = 0; i < n_args(); ++i) {
      if (i != known.optional && !has_arg(i)) throw Error("an argument that must be there is absent");
    }
    if (known.optional >= 0 && has_arg(known.optional)) check_bias(known.optional);
    for (uint32_t i = 0; i < desc_.n_attributes; ++i) {
      const std::string name(from_abi(desc_.attributes[i]->name));
      if (known.attributes.find(" " + name + " ") == std::string_view::npos)
        throw Declined("an unknown attribute '" + name + "'");
    }
  }

  // One number for each channel of the output, or of its gradient in argument 1.
  void check_bias(int index) const {
    const Shape maps = shape(index == 2 ? 3 : 1), bias = shape(index);
    if (maps.rank() < 2 || bias.rank() == 0 || bias.count() != maps[1])
      throw Error("a bias of another size than there are channels");
  }

  const dlr_attribute* find(std::string_view name) const {
    for (uint32_t i = 0; i < desc_.n_attributes; ++i) {
      if (from_abi(desc_.attributes[i]->name) == name) return desc_.attributes[i];
    }
    return nullptr;
  }
  dlr_op_desc& desc_;
};

// Throws when a copy or zero of so many bytes would go beyond the memory.
inline void require_room(const dlr_mem& mem, uint64_t bytes) {
  if (bytes > mem.bytes)
    throw Error("more bytes (" + std::to_string(bytes) + ") than the memory has (" + std::to_string(mem.bytes) + ")");
}

// The address of a memory in the host's space.
template <class T>
T* address(const dlr_mem& mem) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(mem.handle + mem.offset));
}

}  // namespace dlrun
