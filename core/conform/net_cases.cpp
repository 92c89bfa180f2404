#include "core/conform/net_cases.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/error.hpp"
#include "core/conform/shape.hpp"

namespace dlrun::conform {
namespace {

namespace pb = google::protobuf;

// A formula takes some nanoseconds for each product, and is computed a few times for each type.
constexpr double kMostFlops = 5e8;

// What isn't the layer's own: its place in the net, and what a case sets otherwise.
constexpr const char* kOfTheNet[] = {"name",    "type",    "bottom", "top",    "param",
                                     "include", "exclude", "blobs",  "device", "propagate_down"};

void clear_fields(pb::Message& layer) {
  for (const char* name : kOfTheNet) {
    const pb::FieldDescriptor* field = layer.GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) layer.GetReflection()->ClearField(&layer, field);
  }
}

// Parameters get values by the suite: that they are filled before would only take time.
void clear_fillers(pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->message_type() == nullptr) continue;
    if (field->message_type()->name() == "FillerParameter") {
      reflection.ClearField(&message, field);
    } else if (!field->is_repeated()) {
      clear_fillers(*reflection.MutableMessage(&message, field));
    }
  }
}

std::string own_fields(const config::Node& layer) {
  const std::unique_ptr<pb::Message> copy(layer.proto().New());
  copy->CopyFrom(layer.proto());
  clear_fields(*copy);
  clear_fillers(*copy);
  return config::to_prototxt({layer.document(), *copy, nullptr, {}});
}

std::string dims_of(const dlr_tensor_desc& desc) {
  return fmt::format("{}", fmt::join(desc.dim, desc.dim + desc.rank, " "));
}

// Tops as cases call them.
std::string top_name(std::size_t index) {
  const char* const names[] = {"y", "y2", "z"};
  return index < std::size(names) ? names[index] : "y" + std::to_string(index + 1);
}

LayerCase case_of(const net::Net& net, const net::Stage& stage, const std::string& file) {
  LayerCase made;
  made.layer = stage.config.text("type");
  made.is_of_net = true;
  for (std::size_t i = 0; i < stage.bottoms.size(); ++i) {
    const net::Value& bottom = *net.values()[static_cast<std::size_t>(stage.bottoms[i])];
    const bool labels = stage.layer->bottom_facts[i].index_input != 0;
    made.inputs.push_back((labels ? "labels " : "") + dims_of(bottom.data.desc));
  }
  made.name = fmt::format("'{}' in {} ({})", stage.name, file, fmt::join(made.inputs, ", "));
  made.in_place = stage.tops.size() == 1 && stage.config.count("bottom") > 0 &&
                  stage.config.text("bottom") == stage.config.text("top");
  for (std::size_t i = 0; i < stage.tops.size() && !made.in_place; ++i) {
    const net::Value& top = *net.values()[static_cast<std::size_t>(stage.tops[i])];
    made.fields += fmt::format("top: '{}' ", top_name(i));
    // A second top that nobody takes a gradient from mostly has none, as the positions of a
    // maximum.
    if (i > 0 && top.parts.empty() && top.loss_weight == 0) made.no_gradient.push_back(top_name(i));
  }
  made.fields += own_fields(stage.config);
  return made;
}

std::vector<int64_t> dims(const dlr_tensor_desc& desc) {
  return {desc.dim, desc.dim + desc.rank};
}

// An operator that a layer describes as a line of operators.yaml says it.
OperatorCase case_of(const net::Operator& op, const std::string& family) {
  OperatorLine line{family, {}, {}, {}};
  for (std::size_t i = 0; i < op.attribute_names.size(); ++i) {
    if (op.attribute_integers[i].empty()) {
      line.numbers[op.attribute_names[i]] = op.attribute_numbers[i];
    } else {
      line.integers[op.attribute_names[i]] = op.attribute_integers[i];
    }
  }
  for (const dlr_tensor_desc& arg : op.args)
    line.args.push_back(arg.dtype == 0 ? std::vector<int64_t>{} : dims(arg));
  return operator_case_of(line);
}

// The family of which all directions are checked, by the one direction that stands for it; "" for
// the others.
std::string family_of(const std::string& op) {
  constexpr std::string_view kForward = "_forward";
  if (op == "gemm" || op == "sum" || op == "concat") return op;
  return op.ends_with(kForward) ? op.substr(0, op.size() - kForward.size()) : "";
}

// Whether the case describes the operator's arguments as the layer does: it may round otherwise,
// and a matrix may have gaps between its rows.
bool agrees(const OperatorCase& made, const net::Operator& op) {
  if (op.op == "gemm")
    return op.integer("lda", 0) + op.integer("ldb", 0) + op.integer("ldc", 0) == 0;
  const auto step = std::find_if(made.steps.begin(), made.steps.end(),
                                 [&](const OperatorStep& each) { return each.op == op.op; });
  if (step == made.steps.end() || step->args.size() != op.args.size()) return false;
  for (std::size_t i = 0; i < op.args.size(); ++i) {
    if (step->args[i] < 0) continue;
    const Shape& shape = made.tensors[static_cast<std::size_t>(step->args[i])];
    if (shape.count() == 0) return false;  // never planned
    if (shape.count() != Shape(op.args[i]).count()) return false;
  }
  return true;
}

class Collection {
 public:
  explicit Collection(std::string file) : file_(std::move(file)) {}

  void add(const net::Net& net, const net::Stage& stage) {
    if (stage.layer == nullptr || stage.bottoms.empty()) return;
    LayerCase made = case_of(net, stage, file_);
    const std::string key = fmt::format("{} {} {} {}", made.layer, fmt::join(made.inputs, ", "),
                                        made.in_place, made.fields);
    if (!known_.insert(key).second) return;
    if (stage.layer->flops <= kMostFlops) {
      for (const net::Operator& op : stage.layer->operators)
        add(op);
    }
    cases.layers.push_back(std::move(made));
  }

  NetCases cases;

 private:
  void add(const net::Operator& op) {
    const std::string family = family_of(op.op);
    if (family.empty()) return;
    OperatorCase made = case_of(op, family);
    made.is_of_net = true;
    if (agrees(made, op) && known_.insert(made.name).second) cases.operators.push_back(made);
  }

  std::string file_;
  std::set<std::string> known_;
};

// The net in one state, with what to do when its data can't be had.
std::unique_ptr<net::Net> build(train::Session& session, bool is_training) {
  const config::Node& node = session.job().train_net;
  const net::NetOptions options = session.net_options(node, is_training);
  try {
    return std::make_unique<net::Net>(node, session.catalogue(), options);
  } catch (const base::Error& error) {
    for (const config::Node& layer : net::included_layers(node, options.state)) {
      const bool is_source = session.catalogue().has("source", layer.text("type"));
      if (!is_source || std::string_view(error.what()).find(layer.subject()) == std::string::npos)
        continue;
      throw base::Error(
          error.code(), {},
          fmt::format("{}\n{}the shapes of the net come from this data; without it, give them by "
                      "`input: \"{}\"` and `input_shape {{ dim: ... }}` in place of this layer, as "
                      "deploy.prototxt files do",
                      error.what(), layer.subject(), layer.text("top")));
    }
    throw;
  }
}

}  // namespace

NetCases cases_of_net(train::Session& session) {
  const config::Node& node = session.job().train_net;
  const std::string file = node ? node.where().file : "";
  if (!node) base::fail_input({session.job().root.where().file, 0, 0}, "holds no net");
  Collection collection(std::filesystem::path(file).filename().string());
  std::set<std::string> names;
  const auto add_all = [&](bool is_training) {
    const std::unique_ptr<net::Net> net = build(session, is_training);
    for (const auto& stage : net->stages()) {
      if (names.insert(stage->name).second) collection.add(*net, *stage);
    }
  };
  add_all(true);
  const auto layers = net::included_layers(node, session.net_options(node, false).state);
  if (std::any_of(layers.begin(), layers.end(),
                  [&](const config::Node& layer) { return names.count(layer.text("name")) == 0; }))
    add_all(false);
  return collection.cases;
}

void require_type(const NetCases& cases, const std::string& layer, const std::string& file) {
  std::set<std::string> types;
  for (const LayerCase& each : cases.layers)
    types.insert(each.layer);
  if (types.count(layer) > 0) return;
  base::fail_input({file, 0, 0}, fmt::format("no layer of type '{}' in it; its types are {}", layer,
                                             fmt::join(types, ", ")));
}

}  // namespace dlrun::conform
