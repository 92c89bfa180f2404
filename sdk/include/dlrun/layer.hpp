// layer.hpp: the base class of layers and what a layer may ask at each stage of its life.
//
// A layer is created once per net and then goes through: constructor (reads its parameters), setup
// (declares facts and learnable parameters), reshape (shapes, scratch, operators), and any number
// of forward and backward.
#pragma once

#include <dlrun/random.h>
#include <dlrun/operator.hpp>
#include <dlrun/params.hpp>
#include <dlrun/tensor.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace dlrun {

// What is known at every stage.
class LayerContext {
 public:
  explicit LayerContext(dlr_context* handle) : handle_(handle) {}

  std::string_view name() const { return from_abi(api().name(handle_)); }
  int n_bottoms() const { return static_cast<int>(api().n_bottoms(handle_)); }
  int n_tops() const { return static_cast<int>(api().n_tops(handle_)); }
  uint32_t dtype() const { return api().dtype(handle_); }
  bool is_training() const { return api().is_training(handle_) != 0; }
  // Whether a backward may follow a forward, so that what it reads must be kept; also possible in
  // phase TEST.
  bool may_run_backward() const { return api().may_run_backward(handle_) != 0; }
  Shape bottom_shape(int index) const { return Shape(*api().bottom_desc(handle_, static_cast<uint32_t>(index))); }
  Shape top_shape(int index) const { return Shape(*api().top_desc(handle_, static_cast<uint32_t>(index))); }

  dlr_context* handle() const { return handle_; }

 protected:
  static const dlr_context_api& api() { return *host().context; }
  dlr_context* handle_;
};

// The facts with their defaults filled in.
struct LayerFacts : dlr_layer_facts {
  LayerFacts() : dlr_layer_facts{} { size = sizeof(dlr_layer_facts); }
};
struct BottomFacts : dlr_bottom_facts {
  BottomFacts() : dlr_bottom_facts{sizeof(dlr_bottom_facts), 1, 1, 0, 0, -1} {}
};
struct TopFacts : dlr_top_facts {
  TopFacts() : dlr_top_facts{sizeof(dlr_top_facts), -1, -1, 1, 0, {}} {}
};

struct ParamOptions {
  std::optional<Params> filler;  // a FillerParameter; without it every element is `value` at first
  double value = 0;
  double lr_mult = 1;
  double decay_mult = 1;
  bool is_state = false;  // kept in snapshots, never updated by a solver
};

class SetupContext : public LayerContext {
 public:
  using LayerContext::LayerContext;

  void facts(const LayerFacts& facts) { api().set_facts(handle_, &facts); }
  void bottom_facts(int index, const BottomFacts& facts) {
    api().set_bottom_facts(handle_, static_cast<uint32_t>(index), &facts);
  }
  void top_facts(int index, const TopFacts& facts) {
    api().set_top_facts(handle_, static_cast<uint32_t>(index), &facts);
  }
  // Returns the parameter's index: 0, 1, ...
  int add_param(const Shape& shape, const ParamOptions& options = {}) {
    const dlr_tensor_desc tensor = shape.desc(dtype());
    dlr_param_desc desc{};
    desc.size = sizeof desc;
    desc.shape = &tensor;
    desc.filler = options.filler ? options.filler->handle() : nullptr;
    desc.lr_mult = options.lr_mult;
    desc.decay_mult = options.decay_mult;
    desc.is_state = options.is_state;
    desc.value = options.value;
    uint32_t index = 0;
    check(api().add_param(handle_, &desc, &index));
    return static_cast<int>(index);
  }
};

class ReshapeContext : public LayerContext {
 public:
  using LayerContext::LayerContext;

  void top(int index, const Shape& shape) {
    const dlr_tensor_desc desc = shape.desc(dtype());
    check(api().set_top(handle_, static_cast<uint32_t>(index), &desc));
  }
  // Memory during one forward or backward; not allocated when operator `unless` was planned.
  int scratch(const Shape& shape, int unless = -1) { return add_scratch(shape, dtype(), unless, false); }
  int scratch(const Shape& shape, uint32_t dtype, int unless) { return add_scratch(shape, dtype, unless, false); }
  // Memory from a forward to the backward that follows it.
  int reserve(const Shape& shape, uint32_t dtype, int unless = -1) { return add_scratch(shape, dtype, unless, true); }
  int add_operator(OperatorDesc desc, std::string_view role = {}) {
    uint32_t index = 0;
    desc.with_desc([&](const dlr_op_desc& c) { check(api().add_operator(handle_, &c, to_abi(role), &index)); });
    return static_cast<int>(index);
  }
  void cost(double flops, double bytes) { api().set_cost(handle_, flops, bytes); }

 private:
  int add_scratch(const Shape& shape, uint32_t dtype, int unless, bool reserve) {
    const dlr_tensor_desc tensor = shape.desc(dtype);
    dlr_scratch_desc desc{};
    desc.size = sizeof desc;
    desc.shape = &tensor;
    desc.unless_operator = unless;
    desc.reserve = reserve;
    uint32_t index = 0;
    check(api().add_scratch(handle_, &desc, &index));
    return static_cast<int>(index);
  }
};

// Forward, backward and a solver's update: tensors and work on them.
class RunContext : public LayerContext {
 public:
  using LayerContext::LayerContext;

  Tensor bottom(int index) const { return Tensor(api().bottom(handle_, static_cast<uint32_t>(index))); }
  Tensor top(int index) const { return Tensor(api().top(handle_, static_cast<uint32_t>(index))); }
  // False when nobody wants that gradient.
  Tensor bottom_gradient(int index) const {
    return Tensor(api().bottom_gradient(handle_, static_cast<uint32_t>(index)));
  }
  Tensor top_gradient(int index) const { return Tensor(api().top_gradient(handle_, static_cast<uint32_t>(index))); }
  Tensor param(int index) const { return Tensor(api().param(handle_, static_cast<uint32_t>(index))); }
  Tensor param_gradient(int index) const { return Tensor(api().param_gradient(handle_, static_cast<uint32_t>(index))); }
  Tensor scratch(int index) const { return Tensor(api().scratch(handle_, static_cast<uint32_t>(index))); }
  dlr_random_key random_key() const { return api().random_key(handle_); }

  // Runs `items` independent items of a kernel, each of about `width` elements: DLR_FOR(i) has
  // items and width 1, DLR_ROWS and DLR_COLS rows and columns, DLR_GROUPS and DLR_LANES groups and
  // lanes.
  template <class... Arguments>
  void launch(const dlr_kernel& kernel, int64_t items, int64_t width, const Arguments&... arguments) {
    const Argument args[] = {Argument(arguments)...};
    dlr_arg flat[sizeof...(Arguments)];
    for (std::size_t i = 0; i < sizeof...(Arguments); ++i)
      flat[i] = args[i];
    check(api().launch(handle_, &kernel, items, width, flat, sizeof...(Arguments)));
  }

  bool has_operator(int index) const { return api().has_operator(handle_, static_cast<uint32_t>(index)) != 0; }
  template <class... Arguments>
  void run_operator(int index, const Arguments&... arguments) {
    const Argument args[] = {Argument(arguments)...};
    dlr_arg flat[sizeof...(Arguments)];
    for (std::size_t i = 0; i < sizeof...(Arguments); ++i)
      flat[i] = args[i];
    check(api().run_operator(handle_, static_cast<uint32_t>(index), flat, sizeof...(Arguments)));
  }

  // For operators with any number of arguments.
  void run_operator(int index, const std::vector<dlr_arg>& args) {
    check(api().run_operator(handle_, static_cast<uint32_t>(index), args.data(), static_cast<uint32_t>(args.size())));
  }

  // Gives the tensor its values by the filler that a FillerParameter names; random ones differ by
  // iteration.
  void fill(Tensor tensor, const Params& filler) { check(api().fill(handle_, tensor.handle(), filler.handle())); }

  // Plain host memory with the tensor's elements, valid until this call of the layer returns.
  template <class T>
  const T* map_read(Tensor tensor) {
    return static_cast<const T*>(map(tensor, DLR_READ));
  }
  template <class T>
  T* map_write(Tensor tensor) {
    return static_cast<T*>(map(tensor, DLR_WRITE));
  }

 private:
  void* map(Tensor tensor, uint32_t access) {
    void* address = nullptr;
    check(api().map(handle_, tensor.handle(), access, &address));
    return address;
  }
};

// What a layer implements. A constructor `explicit YourLayer(const Params& layer)` reads the
// parameters of the LayerParameter; or `YourLayer(const Params& layer, const LayerContext&
// context)` to know the net as well.
class Layer {
 public:
  virtual ~Layer() = default;
  // Once: checks bottoms, declares facts and parameters.
  virtual void setup(SetupContext&) {}
  // Sets the shape of every top; pure in shapes and parameters, so that it works without a device.
  virtual void reshape(ReshapeContext& context) = 0;
  virtual void forward(RunContext& context) = 0;
  // Writes the gradients that are wanted. A layer without it sets the fact `no_backward`.
  virtual void backward(RunContext&) {
    throw Error("it has no backward: its author overrides it, or sets the fact no_backward");
  }
  // What a snapshot must hold beyond parameters.
  virtual std::string save_state() { return {}; }
  virtual void load_state(std::string_view) {}
};

namespace detail {

template <class L>
struct LayerEntries {
  static dlr_error* create(const dlr_params* params, dlr_context* context, void** self) {
    return guard([&] {
      if constexpr (std::is_constructible_v<L, const Params&, const LayerContext&>) {
        *self = static_cast<Layer*>(new L(Params(params), LayerContext(context)));
      } else {
        *self = static_cast<Layer*>(new L(Params(params)));
      }
    });
  }
  static Layer& layer(void* self) { return *static_cast<Layer*>(self); }
  static dlr_error* setup(void* self, dlr_context* context) {
    return guard([&] {
      SetupContext c(context);
      layer(self).setup(c);
    });
  }
  static dlr_error* reshape(void* self, dlr_context* context) {
    return guard([&] {
      ReshapeContext c(context);
      layer(self).reshape(c);
    });
  }
  static dlr_error* forward(void* self, dlr_context* context) {
    return guard([&] {
      RunContext c(context);
      layer(self).forward(c);
    });
  }
  static dlr_error* backward(void* self, dlr_context* context) {
    return guard([&] {
      RunContext c(context);
      layer(self).backward(c);
    });
  }
  static dlr_error* save_state(void* self, dlr_error* (*write)(void*, dlr_string), void* sink) {
    return guard([&] {
      const std::string state = layer(self).save_state();
      if (!state.empty()) check(write(sink, to_abi(state)));
    });
  }
  static dlr_error* load_state(void* self, dlr_string bytes) {
    return guard([&] { layer(self).load_state(from_abi(bytes)); });
  }
  static void destroy(void* self) { delete &layer(self); }
};

}  // namespace detail

// How many bottoms and tops a layer takes; DLR_UNBOUNDED as a most: any number.
struct Arity {
  int32_t min_bottoms;
  int32_t max_bottoms;
  int32_t min_tops;
  int32_t max_tops;
};

template <class L>
constexpr dlr_layer_type layer_type(Arity arity, const dlr_kernel* const* kernels = nullptr, uint64_t n_kernels = 0) {
  using E = detail::LayerEntries<L>;
  return {sizeof(dlr_layer_type),
          arity.min_bottoms,
          arity.max_bottoms,
          arity.min_tops,
          arity.max_tops,
          kernels,
          n_kernels,
          E::create,
          E::setup,
          E::reshape,
          E::forward,
          E::backward,
          E::save_state,
          E::load_state,
          E::destroy};
}

}  // namespace dlrun
