// DummyData: tops filled by fillers, anew in every pass; for trying out and timing nets.
//
// Random fillers give other values in every pass. Source: Caffe's DummyData.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <string>
#include <vector>

#include "dummy_data.kernel.h.inc"
#include "dummy_data.proto.inc"

namespace dlrun {
namespace {

class DummyData final : public Layer {
 public:
  DummyData(const Params& layer, const LayerContext& context)
      : params_(layer.message("dummy_data_param")), n_tops_(context.n_tops()) {
    read_shapes();
    const int64_t n_fillers = params_.count("data_filler");
    if (n_fillers > 1) require_count("data_filler", n_fillers);
    for (int64_t i = 0; i < n_fillers; ++i)
      fillers_.push_back(params_.message("data_filler", i));
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.no_backward = 1;
    facts.uses_random = !fillers_.empty();
    context.facts(facts);
    TopFacts top;
    top.data_needed_in_backward = 0;
    for (int i = 0; i < n_tops_; ++i)
      context.top_facts(i, top);
  }

  void reshape(ReshapeContext& context) override {
    for (int i = 0; i < n_tops_; ++i)
      context.top(i, of_top(shapes_, i));
  }

  void forward(RunContext& context) override {
    for (int i = 0; i < n_tops_; ++i) {
      const Tensor top = context.top(i);
      if (fillers_.empty()) {
        context.launch(kernels::dummy_data_zero, top.count(), 1, write(top));
      } else {
        context.fill(top, of_top(fillers_, i));
      }
    }
  }

 private:
  template <class T>
  static const T& of_top(const std::vector<T>& all, int top) {
    return all[all.size() == 1 ? 0 : static_cast<size_t>(top)];
  }

  void require_count(const std::string& field, int64_t n) const {
    if (n == 1 || n == n_tops_) return;
    params_.fail(field, field + " is given " + std::to_string(n) + " times for " +
                            std::to_string(n_tops_) + " tops; give one for all or one for each");
  }

  void read_shapes() {
    const int64_t n_shapes = params_.count("shape");
    const int64_t n_old = params_.count("num");
    if (n_shapes > 0 && n_old > 0) {
      params_.fail("shape",
                   "shape and num, channels, height, width are both given; remove the latter");
    }
    if (n_old > 0) return read_old_shapes(n_old);
    require_count("shape", n_shapes);
    for (int64_t i = 0; i < n_shapes; ++i) {
      const Params shape = params_.message("shape", i);
      Shape result;
      for (const int64_t dim : shape.all<int64_t>("dim")) {
        if (dim < 0) shape.fail("dim", "dim is " + std::to_string(dim) + ", expected 0 or more");
        if (result.rank() == DLR_MAX_RANK) shape.fail("dim", "a shape has at most 8 dimensions");
        result.push_back(dim);
      }
      shapes_.push_back(result);
    }
  }

  void read_old_shapes(int64_t n) {
    require_count("num", n);
    for (const char* field : {"channels", "height", "width"}) {
      if (params_.count(field) != n) {
        params_.fail(field, std::string(field) + " is given " +
                                std::to_string(params_.count(field)) + " times and num " +
                                std::to_string(n) + " times");
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      shapes_.push_back({params_.get<int64_t>("num", i), params_.get<int64_t>("channels", i),
                         params_.get<int64_t>("height", i), params_.get<int64_t>("width", i)});
    }
  }

  Params params_;
  int n_tops_;
  std::vector<Shape> shapes_;
  std::vector<Params> fillers_;
};

const dlr_kernel* const kKernels[] = {&kernels::dummy_data_zero};
const dlr_layer_type kDummyData = layer_type<DummyData>({0, 0, 1, DLR_UNBOUNDED}, kKernels, 1);

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.dummydata", "1.0.0", dummy_data_proto,
           DLR_PROVIDE("dlrun.layer/1", "DummyData", "tops filled by fillers", dlrun::kDummyData));
