// Every recorded case of tests/golden/layers, whose numbers come from BVLC Caffe: forward, and
// backward where recorded.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "core/model_io/hdf5_file.hpp"
#include "tests/unit/cuda_double.hpp"
#include "tests/unit/layers_bench.hpp"
#include "tests/unit/roots.hpp"

namespace dlrun::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> golden_nets() {
  std::vector<fs::path> nets;
  for (const auto& entry :
       fs::directory_iterator(fs::path(dlrun::test::source_root()) / "tests/golden/layers")) {
    if (entry.path().extension() == ".prototxt") nets.push_back(entry.path());
  }
  std::sort(nets.begin(), nets.end());
  return nets;
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A net and what was recorded of it. Names are KIND/BLOB, or KIND/LAYER/INDEX for parameters.
class Recording {
 public:
  Recording(LayersBench& bench, const fs::path& prototxt, uint32_t dtype)
      : file_(model_io::Hdf5File::open(fs::path(prototxt).replace_extension(".h5"))) {
    net::NetOptions options;
    options.dtype = dtype;
    options.keep_all = true;
    options.state.is_training = file_.string_attribute("", "phase") == "TRAIN";
    has_backward_ = file_.integer_attribute("", "backward").value_or(0) != 0;
    options.force_backward = has_backward_;
    net_ = bench.make_net(text_of(prototxt), options);
  }

  void run() {
    for (const auto& dataset : file_.datasets()) {
      const std::string kind = kind_of(dataset.name);
      if (kind != "in" && kind != "param" && kind != "out_diff") continue;
      dlr_tensor* tensor = tensor_of(dataset.name);
      REQUIRE(tensor != nullptr);
      if (tensor->buffer != nullptr)
        set_values(*net_, *tensor, file_.read(dataset.name).to_doubles());
    }
    net_->begin_iteration();
    net_->forward();
    if (has_backward_) net_->backward();
  }

  net::Net& net() { return *net_; }

  // How many datasets were compared.
  int compare() {
    int compared = 0;
    for (const auto& dataset : file_.datasets()) {
      const std::string kind = kind_of(dataset.name);
      if (kind != "out" && kind != "in_diff" && kind != "param_diff" && kind != "param_after")
        continue;
      INFO(dataset.name);
      compare(dataset.name);
      ++compared;
    }
    return compared;
  }

 private:
  static std::string kind_of(const std::string& name) { return name.substr(0, name.find('/')); }

  dlr_tensor* tensor_of(const std::string& name) {
    const std::string kind = kind_of(name);
    const std::string rest = name.substr(kind.size() + 1);
    const bool is_gradient = kind.find("diff") != std::string::npos;
    if (kind.rfind("param", 0) == 0) {
      const size_t slash = rest.rfind('/');
      net::Param* param =
          net_->find_param(rest.substr(0, slash), std::stoi(rest.substr(slash + 1)));
      return param == nullptr ? nullptr : is_gradient ? &param->gradient : &param->data;
    }
    net::Value* value = net_->find_value(rest);
    return value == nullptr ? nullptr : is_gradient ? &value->gradient : &value->data;
  }

  void compare(const std::string& name) {
    dlr_tensor* tensor = tensor_of(name);
    REQUIRE(tensor != nullptr);
    const std::vector<double> expected = file_.read(name).to_doubles();
    // What has no gradient, labels say, was recorded as zeros.
    const std::vector<double> found = tensor->buffer != nullptr
                                          ? values_of(*net_, *tensor)
                                          : std::vector<double>(expected.size(), 0.0);
    REQUIRE(found.size() == expected.size());
    double largest = 0;
    double worst = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      const double error = std::abs(found[i] - expected[i]);
      worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
    }
    CHECK(worst <= 1e-5 + 1e-4 * largest);
  }

  model_io::Hdf5File file_;
  bool has_backward_ = false;
  std::unique_ptr<net::Net> net_;
};

// Calls look(net) for each net, after its numbers were compared.
template <class Look>
void check_all(LayersBench& bench, uint32_t dtype, const Look& look) {
  const std::vector<fs::path> nets = golden_nets();
  REQUIRE(nets.size() >= 86);
  for (const fs::path& net : nets) {
    INFO(net.stem().string());
    Recording recording(bench, net, dtype);
    recording.run();
    CHECK(recording.compare() > 0);
    look(recording.net());
  }
}

void check_all(Operators operators, uint32_t dtype) {
  LayersBench bench(operators);
  check_all(bench, dtype, [](net::Net&) {});
}

TEST_CASE("layers give Caffe's numbers with the cpu device's operators") {
  check_all(Operators::kOfDevice, DLR_F32);
}

TEST_CASE("layers give Caffe's numbers by their portable kernels") {
  check_all(Operators::kNone, DLR_F32);
}

TEST_CASE("layers give Caffe's numbers in float64") {
  check_all(Operators::kOfDevice, DLR_F64);
  check_all(Operators::kNone, DLR_F64);
}

// Runs all cases on a device, where every layer must be but those for the host. Returns how many
// operators of each kind the device itself ran; nothing without such a device.
std::map<std::string, int> check_device(const std::string& name, const std::string& library = "",
                                        uint32_t dtype = DLR_F32) {
  std::map<std::string, int> planned;
  if (!LayersBench::has_device(name, library)) {
    MESSAGE("no device '", name, "' here");
    return planned;
  }
  LayersBench bench(name, library);
  if (dtype == DLR_F64 && bench.devices().primary->info().float64 == 0) {
    MESSAGE("the device '", name, "' has no float64");
    return planned;
  }
  check_all(bench, dtype, [&](net::Net& net) {
    for (const auto& stage : net.stages()) {
      const net::LayerNode& layer = *stage->layer;
      const bool is_on_host = &layer.context.executor->device() != bench.devices().primary.get();
      INFO(layer.type_name);
      CHECK(is_on_host == (layer.facts.host_only != 0));
      for (const net::Operator& each : layer.operators)
        planned[each.op] += each.device == bench.devices().primary.get();
    }
  });
  return planned;
}

TEST_CASE("layers give Caffe's numbers on the opencl device, by kernels of their own") {
  std::map<std::string, int> planned = check_device("opencl");
  CHECK((planned.empty() || planned["gemm"] >= 50));
}

TEST_CASE("layers give Caffe's numbers on the onednn device, by its primitives") {
  setenv("DLRUN_ONEDNN", "all", 1);  // small ones, too, which it leaves to the cpu device
  std::map<std::string, int> planned = check_device("onednn");
  unsetenv("DLRUN_ONEDNN");
  if (planned.empty()) return;
  CHECK(planned["convolution_forward"] >= 15);
  for (const char* op :
       {"inner_product_forward", "inner_product_backward_weights", "lrn_forward", "lrn_backward",
        "softmax_forward", "softmax_backward", "relu_forward", "pooling_max_backward"}) {
    CAPTURE(op);
    CHECK(planned[op] >= 1);
  }
}

TEST_CASE("layers give Caffe's numbers on the onednn device with what it leaves to the cpu") {
  check_device("onednn");
}

TEST_CASE("layers give Caffe's numbers on the strict device, convolutions in its odd layouts") {
  std::map<std::string, int> planned = check_device("strict");
  CHECK(planned["convolution_forward"] >= 15);
}

TEST_CASE("layers give Caffe's numbers on the cuda device, whose libraries are doubles") {
  const CudaDouble cuda;
  std::map<std::string, int> planned = check_device("cuda", CudaDouble::kLibrary);
  CHECK((planned.empty() || planned["convolution_forward"] >= 15));
  CHECK(cuda.problems() == "");
}

TEST_CASE("layers give Caffe's numbers in float64 on the opencl device") {
  std::map<std::string, int> planned = check_device("opencl", "", DLR_F64);
  CHECK((planned.empty() || planned["gemm"] >= 50));
}

TEST_CASE("layers give Caffe's numbers on the opencl device as it is built without CLBlast") {
  const std::string library = "../tests/doubles/opencl/device_opencl";
  for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
    std::map<std::string, int> planned = check_device("opencl", library, dtype);
    CHECK(planned["gemm"] == 0);  // by the portable kernel
  }
}

// Its operators are for float32: in float64 the kernels run.
TEST_CASE("layers give Caffe's numbers in float64 on the strict device") {
  std::map<std::string, int> planned = check_device("strict", "", DLR_F64);
  CHECK(!planned.empty());
  CHECK(planned["convolution_forward"] == 0);
}

TEST_CASE(
    "layers give Caffe's numbers in float64 on the cuda device, whose libraries are doubles") {
  const CudaDouble cuda;
  std::map<std::string, int> planned = check_device("cuda", CudaDouble::kLibrary, DLR_F64);
  CHECK((planned.empty() || planned["convolution_forward"] >= 15));
  CHECK(cuda.problems() == "");
}

}  // namespace
}  // namespace dlrun::test
