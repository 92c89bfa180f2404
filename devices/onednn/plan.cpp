// Running primitives.
#include "plan.hpp"

#include <oneapi/dnnl/dnnl_debug.h>

namespace dlrun::onednn {

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

bool is_fast(const dnnl::primitive_desc_base& primitive) {
  return primitive &&
         std::string_view(primitive.impl_info_str()).find("ref") == std::string_view::npos;
}

void check_fast(const dnnl::primitive_desc_base& primitive, std::string_view op) {
  if (!primitive) throw Declined("oneDNN has no " + std::string(op) + " of this kind");
  if (is_fast(primitive)) return;
  throw Declined("oneDNN has only its reference code for this " + std::string(op) + " (" +
                 primitive.impl_info_str() + ")");
}

Dims extents(const OpView& op, int index) {
  const Shape shape = op.shape(index);
  Dims dims;
  for (int axis = 0; axis < shape.rank(); ++axis)
    dims.push_back(shape[axis]);
  if (shape.count() == 0) throw Declined("a tensor is empty");
  if (op.arg(index).dtype != DLR_F32) throw Declined("onednn computes in float32 only");
  return dims;
}

Dims per_axis(const OpView& op, const char* name, size_t axes, int64_t otherwise) {
  Dims list = op.integers(name);
  if (list.empty()) list.assign(axes, otherwise);
  if (list.size() != axes) throw Declined(std::string("'") + name + "' isn't given for each axis");
  return list;
}

PrimitivePlan::PrimitivePlan(Device& device, const dnnl::primitive_desc_base& primitive,
                             const std::vector<int>& roles)
    : device_(device), primitive_(primitive.get()) {
  for (const int role : roles) {
    index_.push_back(role == 0 ? -1
                               : bind(role, primitive.query_md(dnnl::query::exec_arg_md, role)));
  }
  const dnnl::memory::desc scratch = primitive.scratchpad_desc();
  if (scratch.get_size() > 0) scratch_ = bind(DNNL_ARG_SCRATCHPAD, scratch);
  for (const Bound& bound : bound_)
    exec_.push_back({bound.role, bound.memory.get()});
}

int PrimitivePlan::bind(int role, const dnnl::memory::desc& desc) {
  bound_.push_back({role, dnnl::memory(desc, device_.engine(), DNNL_MEMORY_NONE)});
  return static_cast<int>(bound_.size()) - 1;
}

void PrimitivePlan::describe(const OpView& op, Layouts& layouts) const {
  const auto desc_of = [&](int index) {
    return bound_[static_cast<size_t>(index)].memory.get_desc();
  };
  for (int i = 0; i < op.n_args(); ++i) {
    const int index = index_[static_cast<size_t>(i)];
    if (index >= 0) op.arg(i).layout = layouts.number(desc_of(index));
  }
  op.desc().workspace_bytes = scratch_ < 0 ? 0 : desc_of(scratch_).get_size();
}

// oneDNN 2 zeroes the padding each time that a handle is set, so it is set only when it changes.
void PrimitivePlan::set(int index, const dlr_mem& mem) {
  if (index < 0) return;
  if (mem.space != DLR_SPACE_HOST || mem.handle == 0) {
    throw Error("an operand of onednn isn't in host memory", DLR_INTERNAL_ERROR);
  }
  const dnnl::memory& memory = bound_[static_cast<size_t>(index)].memory;
  void* data = address<void>(mem);
  if (memory.get_data_handle() != data) memory.set_data_handle(data);
}

void PrimitivePlan::run(const dlr_mem* args, uint32_t n_args, const dlr_mem& workspace,
                        const dlr_mem&) {
  if (n_args != index_.size()) throw Error("wrong number of operands", DLR_INTERNAL_ERROR);
  const ThreadBudget threads(device_);
  for (uint32_t i = 0; i < n_args; ++i)
    set(index_[i], args[i]);
  set(scratch_, workspace);
  const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), device_.stream().get(),
                                                      static_cast<int>(exec_.size()), exec_.data());
  if (status != dnnl_success) {
    throw Error(std::string("oneDNN failed: ") + dnnl_status2str(status), DLR_DEVICE_ERROR);
  }
}

}  // namespace dlrun::onednn
