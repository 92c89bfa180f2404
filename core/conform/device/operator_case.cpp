#include "core/conform/device/operator_case.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "core/conform/case_files.hpp"

namespace dlrun::conform {
namespace {

using List = std::vector<int64_t>;

// Reads one line of data; each family of operators is a function that makes steps of it.
class Reader {
 public:
  Reader(const std::string& family, const YAML::Node& node) : node_(node) {
    made_.name = family + " " + text();
    made_.offset = number("offset", 0);
    made_.has_ties = integer("ties", 0) != 0;
  }

  OperatorCase window(const std::string& family) {
    if (family == "convolution") {
      convolution();
    } else if (family == "deconvolution") {
      deconvolution();
    } else {
      pooling(family);
    }
    return made_;
  }

  OperatorCase gemm() {
    const int64_t m = integer("m"), n = integer("n"), k = integer("k");
    const bool ta = integer("transpose_a", 0) != 0;
    const bool tb = integer("transpose_b", 0) != 0;
    const double beta = number("beta", 0);
    made_.is_plain = true;
    made_.tensors = {Shape{ta ? k : m, integer("lda", ta ? m : k)},
                     Shape{tb ? n : k, integer("ldb", tb ? k : n)}, Shape{m, integer("ldc", n)}};
    OperatorStep step{"gemm",    {},  {{"alpha", number("alpha", 1)}, {"beta", beta}},
                      {0, 1, 2}, {2}, beta != 0};
    step.integers = {
        {"m", {m}}, {"n", {n}}, {"k", {k}}, {"transpose_a", {ta}}, {"transpose_b", {tb}}};
    for (const char* leading : {"lda", "ldb", "ldc"}) {
      if (node_[leading]) step.integers[leading] = {integer(leading)};
    }
    made_.steps = {step};
    return made_;
  }

  OperatorCase inner_product() {
    const List x = list("x");
    const int64_t outputs = integer("outputs");
    const bool transpose = integer("transpose", 0) != 0;
    const std::map<std::string, List> attributes = {{"transpose", {transpose}}};
    made_.tensors = {Shape(x), transpose ? Shape{x[1], outputs} : Shape{outputs, x[1]},
                     Shape{outputs}, Shape{x[0], outputs}};
    three_directions("inner_product", attributes);
    return made_;
  }

  // y = f(x), of one shape; with a backward that reads what `backward` names of x, y, dy and writes
  // dx.
  OperatorCase unary(const std::string& op, const List& backward) {
    const Shape shape = Shape(list("x"));
    made_.tensors = {shape, shape, shape, shape};  // x, y, dy, dx
    OperatorStep forward{op + "_forward", {}, {}, {0, 1}, {1}, false};
    if (node_["slope"]) forward.numbers["slope"] = number("slope", 0);
    if (node_["axis"]) forward.integers["axis"] = {integer("axis")};
    if (node_["size"]) {
      forward.integers = {{"size", {integer("size")}}};
      forward.numbers = {
          {"alpha", number("alpha", 1)}, {"beta", number("beta", 0.75)}, {"k", number("k", 1)}};
      forward.integers.merge(training());
    }
    made_.steps = {forward};
    if (backward.empty() || !is_training()) return made_;
    OperatorStep back = forward;
    back.op = op + "_backward";
    back.args.assign(backward.begin(), backward.end());
    back.outputs = {static_cast<int>(backward.size()) - 1};
    made_.steps.push_back(back);
    return made_;
  }

  OperatorCase batch_norm() {
    const Shape shape = Shape(list("x"));
    const bool global = integer("global", 0) != 0;
    made_.tensors = {shape, Shape{shape[1]}, Shape{shape[1]}, shape, shape, shape};
    OperatorStep forward{"batch_norm_forward",
                         {{"global", {global}}},
                         {{"epsilon", number("epsilon", 1e-5)}},
                         {0, 1, 2, 3},
                         global ? std::vector<int>{3} : std::vector<int>{1, 2, 3},
                         false};
    OperatorStep backward = forward;
    backward.op = "batch_norm_backward";
    backward.args = {0, 1, 2, 4, 5};
    backward.outputs = {4};
    made_.steps = {forward, backward};
    made_.positive = {2};
    return made_;
  }

  // Several inputs and one output.
  OperatorCase joined(const std::string& op) {
    OperatorStep step{op, {}, {}, {}, {}, false};
    List y;
    for (const YAML::Node& input : node_["inputs"]) {
      const List dims = input.as<List>();
      if (y.empty()) {
        y = dims;
      } else if (op == "concat") {
        y[static_cast<std::size_t>(integer("axis"))] +=
            dims[static_cast<std::size_t>(integer("axis"))];
      }
      step.args.push_back(static_cast<int>(made_.tensors.size()));
      made_.tensors.push_back(Shape(dims));
    }
    if (op == "concat") step.integers["axis"] = {integer("axis")};
    step.args.push_back(static_cast<int>(made_.tensors.size()));
    step.outputs = {static_cast<int>(step.args.size()) - 1};
    made_.tensors.push_back(Shape(y));
    made_.steps = {step};
    return made_;
  }

 private:
  std::string text() const {
    YAML::Emitter out;
    out << YAML::Flow << node_;
    return out.c_str();
  }
  int64_t integer(const char* key) const { return node_[key].as<int64_t>(); }
  int64_t integer(const char* key, int64_t otherwise) const {
    return node_[key].as<int64_t>(otherwise);
  }
  double number(const char* key, double otherwise) const {
    return node_[key].as<double>(otherwise);
  }
  List list(const char* key) const { return node_[key].as<List>(); }
  List list(const char* key, int64_t otherwise) const {
    return node_[key].as<List>(List(list("x").size() - 2, otherwise));
  }

  // Without training there is no backward, and no reserve.
  bool is_training() const { return integer("training", 1) != 0; }
  std::map<std::string, List> training() const {
    if (!is_training()) return {{"training", {0}}};
    return {{"training", {1}}, {"pair", {1}}};
  }

  // Tensors x, w, bias, y; steps forward, backward by data and by weights.
  void three_directions(const std::string& op, const std::map<std::string, List>& attributes) {
    const int bias = integer("bias", 1) != 0 ? 2 : -1;
    const auto add_like = [&](std::size_t tensor) {
      made_.tensors.push_back(made_.tensors[tensor]);
      return static_cast<int>(made_.tensors.size()) - 1;
    };
    const int dy = add_like(3), dx = add_like(0), dw = add_like(1);
    const int dbias = bias < 0 ? -1 : add_like(2);
    made_.steps = {{op + "_forward", attributes, {}, {0, 1, bias, 3}, {3}, false},
                   {op + "_backward_data", attributes, {}, {dy, 1, dx}, {2}, false},
                   {op + "_backward_weights",
                    attributes,
                    {},
                    {0, dy, dw, dbias},
                    bias < 0 ? std::vector<int>{2} : std::vector<int>{2, 3},
                    false}};
  }

  void convolution() {
    const List x = list("x"), kernel = list("kernel"), stride = list("stride", 1),
               pad = list("pad", 0), dilation = list("dilation", 1);
    const int64_t outputs = integer("outputs"), group = integer("group", 1);
    List w = {outputs, x[1] / group}, y = {x[0], outputs};
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      w.push_back(kernel[i]);
      y.push_back((x[i + 2] + 2 * pad[i] - (dilation[i] * (kernel[i] - 1) + 1)) / stride[i] + 1);
    }
    made_.tensors = {Shape(x), Shape(w), Shape{outputs}, Shape(y)};
    three_directions("convolution", {{"kernel", kernel},
                                     {"stride", stride},
                                     {"pad", pad},
                                     {"dilation", dilation},
                                     {"group", {group}}});
  }

  // Transposed: the extents of y are those of an input whose convolution has those of x.
  void deconvolution() {
    const List x = list("x"), kernel = list("kernel"), stride = list("stride", 1),
               pad = list("pad", 0), dilation = list("dilation", 1);
    const int64_t outputs = integer("outputs"), group = integer("group", 1);
    List w = {x[1], outputs / group}, y = {x[0], outputs};
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      w.push_back(kernel[i]);
      y.push_back(stride[i] * (x[i + 2] - 1) + dilation[i] * (kernel[i] - 1) + 1 - 2 * pad[i]);
    }
    made_.tensors = {Shape(x), Shape(w), Shape{outputs}, Shape(y)};
    made_.steps = {{"deconvolution_forward",
                    {{"kernel", kernel},
                     {"stride", stride},
                     {"pad", pad},
                     {"dilation", dilation},
                     {"group", {group}}},
                    {},
                    {0, 1, integer("bias", 1) != 0 ? 2 : -1, 3},
                    {3},
                    false}};
  }

  // Rounded up, and no window begins in the padding behind, as Caffe has it.
  void pooling(const std::string& op) {
    const List x = list("x"), kernel = list("kernel"), stride = list("stride", 1),
               pad = list("pad", 0);
    List y = {x[0], x[1]};
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      int64_t n = (x[i + 2] + 2 * pad[i] - kernel[i] + stride[i] - 1) / stride[i] + 1;
      if (pad[i] > 0 && (n - 1) * stride[i] >= x[i + 2] + pad[i]) --n;
      y.push_back(n);
    }
    made_.tensors = {Shape(x), Shape(y), Shape(y), Shape(x)};  // x, y, dy, dx
    OperatorStep forward{op + "_forward",
                         {{"kernel", kernel}, {"stride", stride}, {"pad", pad}},
                         {},
                         {0, 1},
                         {1},
                         false};
    if (op == "pooling_max") forward.integers.merge(training());
    OperatorStep backward = forward;
    backward.op = op + "_backward";
    backward.args = {2, 3};
    made_.steps = {forward};
    if (is_training()) made_.steps.push_back(backward);
  }

  const YAML::Node& node_;
  OperatorCase made_;
};

OperatorCase read_case(const std::string& family, const YAML::Node& node) {
  Reader reader(family, node);
  if (family == "gemm") return reader.gemm();
  if (family == "inner_product") return reader.inner_product();
  if (family.ends_with("convolution") || family.starts_with("pooling"))
    return reader.window(family);
  if (family == "lrn") return reader.unary(family, {0, 1, 2, 3});
  if (family == "softmax") return reader.unary(family, {1, 2, 3});
  if (family == "batch_norm") return reader.batch_norm();
  if (family == "sum" || family == "concat") return reader.joined(family);
  return reader.unary(family, {});
}

// Attributes with one integer for each spatial axis.
bool is_list(const std::string& attribute) {
  constexpr std::string_view kLists[] = {"kernel", "stride", "pad", "dilation"};
  return std::find(std::begin(kLists), std::end(kLists), attribute) != std::end(kLists);
}

}  // namespace

OperatorCase operator_case_of(const OperatorLine& line) {
  YAML::Node node(YAML::NodeType::Map);
  const bool is_joined = line.family == "sum" || line.family == "concat";
  if (is_joined) {
    node["inputs"] = std::vector<List>(line.args.begin(), line.args.end() - 1);
  } else if (line.family != "gemm") {
    node["x"] = line.args.at(0);
  }
  for (const auto& [name, values] : line.integers) {
    if (name == "pair" || name == "training") continue;  // the case's own
    is_list(name) ? node[name] = values : node[name] = values.at(0);
  }
  for (const auto& [name, number] : line.numbers)
    node[name] = number;
  if (line.family.ends_with("convolution") || line.family == "inner_product") {
    node["outputs"] = line.args.at(3).at(1);
    node["bias"] = line.args.at(2).empty() ? 0 : 1;
  }
  return read_case(line.family, node);
}

int64_t OperatorStep::integer(const std::string& name, int64_t otherwise) const {
  const auto found = integers.find(name);
  return found == integers.end() ? otherwise : found->second.at(0);
}

double OperatorStep::number(const std::string& name, double otherwise) const {
  const auto found = numbers.find(name);
  return found == numbers.end() ? otherwise : found->second;
}

bool OperatorStep::may_be_forward() const {
  return outputs.size() == 1 && op.find("_backward") == std::string::npos;
}

std::vector<OperatorCase> parse_operator_cases(const std::string& yaml, const std::string& file) {
  try {
    std::vector<OperatorCase> cases;
    for (const auto& family : YAML::Load(yaml)) {
      for (const YAML::Node& node : family.second) {
        cases.push_back(
            read_case(node["family"].as<std::string>(family.first.as<std::string>()), node));
        cases.back().is_large = node["family"].IsDefined();
      }
    }
    return cases;
  } catch (const YAML::Exception& error) {
    base::fail_input({file, error.mark.line + 1, error.mark.column + 1}, error.msg);
  }
}

std::vector<OperatorCase> builtin_operator_cases() {
  return parse_operator_cases(operators_text, "operators.yaml");
}

}  // namespace dlrun::conform
