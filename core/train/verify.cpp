#include "core/train/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/base/error.hpp"
#include "core/model_io/hdf5_file.hpp"
#include "core/train/weights.hpp"

namespace dlrun::train {
namespace {

using model_io::HostBlob;

// "param/conv1/0" -> ("conv1", 0); the layer's name may hold slashes itself.
std::pair<std::string, int> layer_and_index(const std::string& rest) {
  const size_t slash = rest.rfind('/');
  int index = -1;
  if (slash != std::string::npos)
    std::from_chars(rest.data() + slash + 1, rest.data() + rest.size(), index);
  return {rest.substr(0, slash), index};
}

class Verifier {
 public:
  Verifier(Session& session, const VerifyOptions& options)
      : session_(session), options_(options), file_(model_io::Hdf5File::open(options.file)) {}

  VerifyResult run() {
    build();
    std::vector<std::string> compared;
    for (const auto& dataset : file_.datasets()) {
      if (!feed(dataset.name)) compared.push_back(dataset.name);
    }
    const bool wants_batches = std::any_of(compared.begin(), compared.end(), [](const auto& name) {
      return name.rfind("batch/", 0) == 0;
    });
    if (wants_batches) {
      compare_batches(compared);
    } else {
      net_->begin_iteration();
      net_->forward();
      if (backward_) net_->backward();
      for (const std::string& name : compared)
        compare(name);
    }
    result_.placement = net_->placement_report();
    return std::move(result_);
  }

 private:
  void build() {
    const config::Job& job = session_.job();
    backward_ = file_.integer_attribute("", "backward").value_or(0) != 0;
    const bool is_training = file_.string_attribute("", "phase").value_or("TEST") == "TRAIN";
    net::NetOptions options = session_.net_options(job.train_net, is_training);
    options.keep_all = true;
    options.force_backward = backward_;
    net_ = std::make_unique<net::Net>(job.train_net, session_.catalogue(), options);
    net_->prepare(session_.devices());
  }

  // Values to set: inputs, parameters, gradients of outputs. False for what is compared.
  bool feed(const std::string& name) {
    if (name.rfind("in/", 0) == 0) {
      net::Value* value = net_->find_value(name.substr(3));
      set(name, value == nullptr ? nullptr : &value->data);
    } else if (name.rfind("out_diff/", 0) == 0) {
      net::Value* value = net_->find_value(name.substr(9));
      if (value != nullptr && value->needs_gradient) set(name, &value->gradient);
      if (value == nullptr) set(name, nullptr);
    } else if (name.rfind("param/", 0) == 0) {
      const auto [layer, index] = layer_and_index(name.substr(6));
      net::Param* param = net_->find_param(layer, index);
      set(name, param == nullptr ? nullptr : &param->data);
    } else {
      return false;
    }
    return true;
  }

  void set(const std::string& name, dlr_tensor* tensor) {
    if (tensor == nullptr) return missing(name);
    const HostBlob blob = file_.read(name);
    if (!same_count(blob, *tensor)) return wrong_shape(name, blob, *tensor);
    write_blob(*net_, *tensor, blob);
  }

  void compare_batches(const std::vector<std::string>& names) {
    std::map<int, std::vector<std::string>> by_batch;
    for (const std::string& name : names) {
      int batch = -1;
      if (name.rfind("batch/", 0) == 0)
        std::from_chars(name.data() + 6, name.data() + name.size(), batch);
      if (batch < 0) {
        missing(name);
      } else {
        by_batch[batch].push_back(name);
      }
    }
    int done = 0;
    for (const auto& [batch, datasets] : by_batch) {
      for (; done <= batch; ++done)
        net_->forward();
      for (const std::string& name : datasets) {
        net::Value* value = net_->find_value(name.substr(name.find('/', 6) + 1));
        compare_with(name, value == nullptr ? nullptr : &value->data);
      }
    }
  }

  void compare(const std::string& name) {
    const size_t slash = name.find('/');
    const std::string kind = name.substr(0, slash);
    const std::string rest = slash == std::string::npos ? "" : name.substr(slash + 1);
    if (kind == "out" || kind == "in_diff") {
      net::Value* value = net_->find_value(rest);
      if (value == nullptr) return compare_with(name, nullptr);
      if (kind == "in_diff" && !value->needs_gradient) return expect_zero(name);
      return compare_with(name, kind == "out" ? &value->data : &value->gradient);
    }
    if (kind == "param_diff" || kind == "param_after") {
      const auto [layer, index] = layer_and_index(rest);
      net::Param* param = net_->find_param(layer, index);
      if (param == nullptr) return compare_with(name, nullptr);
      if (kind == "param_diff" && !param->wants_gradient) return expect_zero(name);
      return compare_with(name, kind == "param_diff" ? &param->gradient : &param->data);
    }
    missing(name);
  }

  void compare_with(const std::string& name, const dlr_tensor* tensor) {
    if (tensor == nullptr) return missing(name);
    const HostBlob expected = file_.read(name);
    if (!same_count(expected, *tensor)) return wrong_shape(name, expected, *tensor);
    add_row(name, expected.to_doubles(), read_blob(*net_, *tensor).to_doubles());
  }

  // A gradient that dlrun doesn't compute because it is always zero.
  void expect_zero(const std::string& name) {
    const std::vector<double> expected = file_.read(name).to_doubles();
    add_row(name, expected, std::vector<double>(expected.size(), 0.0));
  }

  void add_row(const std::string& name, const std::vector<double>& expected,
               const std::vector<double>& found) {
    double largest = 0;
    double worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      const double difference = std::abs(expected[i] - found[i]);
      worst = std::isnan(difference) ? HUGE_VAL : std::max(worst, difference);
    }
    const double allowed = options_.absolute_tolerance + options_.relative_tolerance * largest;
    result_.rows.push_back({name, worst, allowed, worst <= allowed, ""});
  }

  static bool same_count(const HostBlob& blob, const dlr_tensor& tensor) {
    return static_cast<int64_t>(blob.value_count()) == memory::element_count(tensor.desc);
  }

  void missing(const std::string& name) {
    result_.rows.push_back({name, 0, 0, false, "the net has no such blob or parameter"});
  }

  void wrong_shape(const std::string& name, const HostBlob& blob, const dlr_tensor& tensor) {
    const std::vector<int64_t> shape(tensor.desc.dim, tensor.desc.dim + tensor.desc.rank);
    result_.rows.push_back(
        {name, 0, 0, false,
         fmt::format("has shape {}, the net's is {}", model_io::shape_to_string(blob.shape),
                     model_io::shape_to_string(shape))});
  }

  Session& session_;
  const VerifyOptions& options_;
  model_io::Hdf5File file_;
  bool backward_ = false;
  std::unique_ptr<net::Net> net_;
  VerifyResult result_;
};

}  // namespace

bool VerifyResult::passed() const {
  return std::all_of(rows.begin(), rows.end(), [](const VerifyRow& row) { return row.passed; });
}

VerifyResult verify(Session& session, const VerifyOptions& options) {
  return Verifier(session, options).run();
}

}  // namespace dlrun::train
