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

dnnl::algorithm activation_kind(std::string_view name) {
  if (name == "relu") return dnnl::algorithm::eltwise_relu;
  if (name == "sigmoid") return dnnl::algorithm::eltwise_logistic;
  if (name == "tanh") return dnnl::algorithm::eltwise_tanh;
  throw Declined("onednn knows no activation '" + std::string(name) + "'");
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

dnnl::primitive_attr fused_attributes(const OpView& op) {
  dnnl::primitive_attr all = attributes();
  dnnl::post_ops chain;
  for (uint32_t i = 0; i < op.desc().n_post_ops; ++i) {
    const dlr_post_op& post = *op.desc().post_ops[i];
    append_eltwise(chain, activation_kind(from_abi(post.kind)), static_cast<float>(post.alpha));
  }
  all.set_post_ops(chain);
  return all;
}

void require_args(const OpView& op, int n_args) {
  if (op.n_args() != n_args)
    throw Declined(std::string(op.op()) + " takes " + std::to_string(n_args) + " arguments");
}

dnnl::memory::desc followed(const OpView& op, int index, const Device& device) {
  const Dims dims = extents(op, index);
  const bool any = op.arg(index).layout == DLR_LAYOUT_ANY;
  const bool is_image = dims.size() >= 3 && dims.size() <= 5;
  return device.layouts().wanted(op.arg(index), dims,
                                 any && is_image ? usual_layout(device, dims) : plain_desc(dims));
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
  const dnnl::memory::desc kept = primitive.query_md(dnnl::query::workspace_md);
  if (kept.get_size() > 0) reserve_ = bind(DNNL_ARG_WORKSPACE, kept);
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
    // What the primitive doesn't read lies as the first argument does.
    if (index >= 0) op.arg(i).layout = layouts.number(desc_of(index));
    if (index < 0 && op.has_arg(i)) op.arg(i).layout = op.arg(0).layout;
  }
  op.desc().workspace_bytes = workspace_bytes();
  op.desc().reserve_bytes = reserve_ < 0 ? 0 : desc_of(reserve_).get_size();
}

uint64_t PrimitivePlan::workspace_bytes() const {
  if (scratch_ < 0) return 0;
  return bound_[static_cast<size_t>(scratch_)].memory.get_desc().get_size();
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
                        const dlr_mem& reserve) {
  if (n_args != index_.size()) throw Error("wrong number of operands", DLR_INTERNAL_ERROR);
  const ThreadBudget threads(device_);
  for (uint32_t i = 0; i < n_args; ++i)
    set(index_[i], args[i]);
  set(scratch_, workspace);
  set(reserve_, reserve);
  const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), device_.stream().get(),
                                                      static_cast<int>(exec_.size()), exec_.data());
  if (status != dnnl_success) {
    throw Error(std::string("oneDNN failed: ") + dnnl_status2str(status), DLR_DEVICE_ERROR);
  }
}

}  // namespace dlrun::onednn
