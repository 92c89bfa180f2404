// operator.hpp: describes an operator that a device may run as a whole. docs/operators.md lists
// them.
#pragma once

#include <dlrun/tensor.hpp>

#include <deque>
#include <string>
#include <vector>

namespace dlrun {

// Built once, while reshaping; everything it points to lives in it.
class OperatorDesc {
 public:
  explicit OperatorDesc(std::string op) : op_(std::move(op)) {}

  OperatorDesc& attribute(std::string name, std::vector<int64_t> integers) {
    attributes_.push_back({std::move(name), std::move(integers), 0});
    return *this;
  }
  OperatorDesc& attribute(std::string name, int64_t integer) {
    return attribute(std::move(name), std::vector<int64_t>{integer});
  }
  OperatorDesc& number(std::string name, double number) {
    attributes_.push_back({std::move(name), {}, number});
    return *this;
  }
  // The next argument, in the operator's order. The plan chooses its layout unless `layout` fixes
  // it.
  OperatorDesc& argument(const Shape& shape, uint32_t dtype, uint64_t layout = DLR_LAYOUT_ANY) {
    args_.push_back(shape.desc(dtype, layout));
    return *this;
  }
  // An optional argument that is absent (no bias).
  OperatorDesc& no_argument() {
    args_.push_back(dlr_tensor_desc{sizeof(dlr_tensor_desc), 0, 0, {}, DLR_LAYOUT_PLAIN});
    return *this;
  }
  OperatorDesc& accumulate() {
    accumulate_ = true;
    return *this;
  }

  // Calls `use` with the C description, valid during the call.
  template <class Use>
  void with_desc(Use&& use) {
    std::vector<dlr_attribute> attributes;
    std::vector<const dlr_attribute*> attribute_pointers;
    for (const Attribute& a : attributes_) {
      attributes.push_back({sizeof(dlr_attribute), to_abi(a.name), a.integers.data(), a.integers.size(), a.number});
    }
    for (const dlr_attribute& a : attributes)
      attribute_pointers.push_back(&a);
    std::vector<dlr_tensor_desc*> arg_pointers;
    for (dlr_tensor_desc& arg : args_)
      arg_pointers.push_back(&arg);
    dlr_op_desc desc{};
    desc.size = sizeof desc;
    desc.op = to_abi(op_);
    desc.attributes = attribute_pointers.data();
    desc.args = arg_pointers.data();
    desc.n_attributes = static_cast<uint32_t>(attributes.size());
    desc.n_args = static_cast<uint32_t>(args_.size());
    desc.accumulate = accumulate_;
    use(desc);
  }

 private:
  struct Attribute {
    std::string name;
    std::vector<int64_t> integers;
    double number;
  };
  std::string op_;
  std::vector<Attribute> attributes_;
  std::deque<dlr_tensor_desc> args_;
  bool accumulate_ = false;
};

// C[m,n] = op(A)[m,k] op(B)[k,n] + beta C: the operator that is always there. A is stored as [k,m]
// when transposed, B as [n,k]. Arguments may begin anywhere in a tensor: read(tensor, offset).
struct Gemm {
  int64_t m;
  int64_t n;
  int64_t k;
  bool transpose_a = false;
  bool transpose_b = false;
  double beta = 0;

  OperatorDesc desc(uint32_t dtype) const {
    const Shape a = transpose_a ? Shape{k, m} : Shape{m, k};
    const Shape b = transpose_b ? Shape{n, k} : Shape{k, n};
    OperatorDesc desc("gemm");
    desc.attribute("m", m).attribute("n", n).attribute("k", k);
    desc.attribute("transpose_a", transpose_a).attribute("transpose_b", transpose_b);
    desc.number("alpha", 1).number("beta", beta);
    desc.argument(a, dtype, DLR_LAYOUT_PLAIN).argument(b, dtype, DLR_LAYOUT_PLAIN);
    desc.argument(Shape{m, n}, dtype, DLR_LAYOUT_PLAIN);
    return desc;
  }
};

}  // namespace dlrun
