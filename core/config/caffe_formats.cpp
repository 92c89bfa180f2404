// The names and rules that Caffe's file formats force on core. The rest of core knows no plugin by
// name.
#include "core/config/caffe_formats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/suggest.hpp"

namespace dlrun::config {
namespace {

namespace pb = google::protobuf;

constexpr char kDefaultFiller[] = "constant";
constexpr char kDefaultSchedule[] = "fixed";
constexpr char kInputType[] = "Input";
constexpr char kInputMessage[] = "input_param";
constexpr char kBatchNormType[] = "BatchNorm";
constexpr size_t kBatchNormParams = 3;  // mean, variance, scale factor
constexpr size_t kInputAxes = 4;        // of input_dim: num, channels, height, width

// The values of the old enum `solver_type`, in order.
constexpr std::array kSolverTypes = {
    std::pair{"SGD", "SGD"},           std::pair{"NESTEROV", "Nesterov"},
    std::pair{"ADAGRAD", "AdaGrad"},   std::pair{"RMSPROP", "RMSProp"},
    std::pair{"ADADELTA", "AdaDelta"}, std::pair{"ADAM", "Adam"}};

// Sources whose own message once held what transform_param holds today.
constexpr std::array kTransformingSources = {std::pair{"Data", "data_param"},
                                             std::pair{"ImageData", "image_data_param"},
                                             std::pair{"WindowData", "window_data_param"}};
constexpr std::array kTransformFields = {"scale", "mean_file", "crop_size", "mirror"};

pb::FieldDescriptorProto* find_field(pb::FileDescriptorProto& file, const std::string& message,
                                     const std::string& field) {
  for (pb::DescriptorProto& type : *file.mutable_message_type()) {
    if (type.name() != message) continue;
    for (pb::FieldDescriptorProto& candidate : *type.mutable_field()) {
      if (candidate.name() == field) return &candidate;
    }
  }
  return nullptr;
}

// The layers of a net that are groups of parameters; the binder complains of others.
std::vector<Value*> layers_of(Value& net) {
  std::vector<Value*> layers;
  for (Entry* entry : net.all("layer")) {
    if (entry->value.is_map()) layers.push_back(&entry->value);
  }
  return layers;
}

// data_param { scale: 2 } becomes transform_param { scale: 2 }. Whether anything was moved.
bool move_transform_fields(Value& layer) {
  for (const auto& [type, message] : kTransformingSources) {
    Entry* own = layer.find(message);
    if (layer.text_of("type") != type || own == nullptr || !own->value.is_map()) continue;
    std::vector<Entry> moved;
    for (const char* field : kTransformFields) {
      for (Entry& entry : own->value.take(field))
        moved.push_back(std::move(entry));
    }
    if (moved.empty()) continue;
    Value& transform = layer.map_at("transform_param", moved.front().place);
    for (Entry& entry : moved)
      transform.entries.push_back(std::move(entry));
    return true;
  }
  return false;
}

// BatchNorm's averages are no learned parameters, whatever old files say of them.
void freeze_averages(Value& layer) {
  const std::vector<Entry*> params = layer.all("param");
  if (layer.text_of("type") != kBatchNormType || params.size() != kBatchNormParams) return;
  for (Entry* param : params) {
    if (!param->value.is_map()) continue;
    for (const char* field : {"lr_mult", "decay_mult"}) {
      param->value.take(field);
      param->value.add(field, param->place, Value::scalar(Value::Form::kWord, "0", param->place));
    }
  }
}

// The shapes of a net's inputs, as entries `shape`, from input_shape or from input_dim.
std::vector<Entry> take_input_shapes(Value& net, size_t inputs) {
  std::vector<Entry> shapes = net.take("input_shape");
  std::vector<Entry> dims = net.take("input_dim");
  if (!shapes.empty() && !dims.empty()) {
    base::fail_input(dims[0].place.location(),
                     "input_dim and input_shape are both given; keep input_shape");
  }
  if (!shapes.empty() && shapes.size() != inputs) {
    base::fail_input(
        shapes[0].place.location(),
        fmt::format("{} input_shape for {} input, expected one for each", shapes.size(), inputs));
  }
  if (!dims.empty() && dims.size() != kInputAxes * inputs) {
    base::fail_input(dims[0].place.location(),
                     fmt::format("{} input_dim for {} input, expected {} for each", dims.size(),
                                 inputs, kInputAxes));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i % kInputAxes == 0) {
      shapes.push_back({"shape", dims[i].place, Value::map(dims[i].place)});
    }
    dims[i].name = "dim";
    shapes.back().value.entries.push_back(std::move(dims[i]));
  }
  for (Entry& shape : shapes)
    shape.name = "shape";
  return shapes;
}

// `input: "data" input_dim: ...` becomes a layer in front of the others.
void inputs_to_layer(Value& net) {
  std::vector<Entry> inputs = net.take("input");
  if (inputs.empty()) {
    for (const char* field : {"input_shape", "input_dim"}) {
      const Entry* lone = net.find(field);
      if (lone == nullptr) continue;
      base::fail_input(lone->place.location(), fmt::format("{} without an 'input'", field));
    }
    return;
  }
  const Place place = inputs[0].place;
  Value layer = Value::map(place);
  layer.add("name", place, Value::scalar(Value::Form::kQuoted, "input", place));
  layer.add("type", place, Value::scalar(Value::Form::kQuoted, kInputType, place));
  std::vector<Entry> shapes = take_input_shapes(net, inputs.size());
  for (Entry& input : inputs)
    layer.add("top", input.place, std::move(input.value));
  Value& message = layer.map_at(kInputMessage, shapes.empty() ? place : shapes[0].place);
  for (Entry& shape : shapes)
    message.entries.push_back(std::move(shape));
  net.entries.insert(net.entries.begin(), {"layer", place, std::move(layer)});
}

}  // namespace

void add_format_defaults(pb::FileDescriptorProto& core) {
  find_field(core, "FillerParameter", "type")->set_default_value(kDefaultFiller);
  find_field(core, "SolverParameter", "type")->set_default_value(default_solver_type());
}

const std::string& default_solver_type() {
  static const std::string type = kSolverTypes[0].second;
  return type;
}

void upgrade_solver(Value& solver) {
  const std::vector<Entry> old = solver.take("solver_type");
  if (old.empty()) return;
  const base::Location where = old[0].value.place.location();
  if (solver.has("type")) base::fail_input(where, "solver_type and type are both given; keep type");
  const std::string& written = old[0].value.text;
  std::vector<std::string> names;
  for (size_t i = 0; i < kSolverTypes.size(); ++i) {
    const auto& [name, type] = kSolverTypes[i];
    names.emplace_back(name);
    if (written != name && written != std::to_string(i)) continue;
    const Place& place = old[0].value.place;
    solver.add("type", old[0].place, Value::scalar(Value::Form::kQuoted, type, place));
    return;
  }
  base::fail_input(where, fmt::format("solver_type: found {}, expected one of {}{}", written,
                                      fmt::join(names, ", "), base::did_you_mean(written, names)));
}

void complete_solver(Value& solver, std::vector<std::string>& notices) {
  if (solver.has("lr_policy")) return;
  const Place& place = solver.place;
  solver.add("lr_policy", place, Value::scalar(Value::Form::kQuoted, kDefaultSchedule, place));
  notices.push_back(fmt::format("{}the solver has no lr_policy; '{}' is taken",
                                base::to_prefix({place.location().file}), kDefaultSchedule));
}

void upgrade_net(Value& net, std::vector<std::string>& notices) {
  const Entry* old = net.find("layers");
  if (old != nullptr && net.has("layer")) {
    base::fail_input(old->place.location(),
                     "'layer' and 'layers' in one net: they are of different ages; write 'layer'");
  }
  if (old != nullptr) {
    notices.push_back(fmt::format("{}written in an old format ('layers'), read as today's",
                                  base::to_prefix({old->place.location().file})));
  }
  const bool is_old = old != nullptr;
  upgrade_v0_layers(net);
  upgrade_v1_layers(net);
  for (Value* layer : layers_of(net)) {
    // Caffe does so in old nets only, and ignores the fields in others.
    if (move_transform_fields(*layer) && !is_old) {
      notices.push_back(
          fmt::format("{}layer '{}': its own scale, mean_file, crop_size or mirror are taken as "
                      "transform_param's",
                      base::to_prefix(layer->place.location()), layer->text_of("name")));
    }
    freeze_averages(*layer);
  }
  inputs_to_layer(net);
}

const std::vector<V1Type>& v1_types() {
  static const std::vector<V1Type> types = {
      {35, "ABSVAL", "AbsVal"},
      {1, "ACCURACY", "Accuracy"},
      {30, "ARGMAX", "ArgMax"},
      {2, "BNLL", "BNLL"},
      {3, "CONCAT", "Concat"},
      {37, "CONTRASTIVE_LOSS", "ContrastiveLoss"},
      {4, "CONVOLUTION", "Convolution"},
      {5, "DATA", "Data"},
      {39, "DECONVOLUTION", "Deconvolution"},
      {6, "DROPOUT", "Dropout"},
      {32, "DUMMY_DATA", "DummyData"},
      {7, "EUCLIDEAN_LOSS", "EuclideanLoss"},
      {25, "ELTWISE", "Eltwise"},
      {38, "EXP", "Exp"},
      {8, "FLATTEN", "Flatten"},
      {9, "HDF5_DATA", "HDF5Data"},
      {10, "HDF5_OUTPUT", "HDF5Output"},
      {28, "HINGE_LOSS", "HingeLoss"},
      {11, "IM2COL", "Im2col"},
      {12, "IMAGE_DATA", "ImageData"},
      {13, "INFOGAIN_LOSS", "InfogainLoss"},
      {14, "INNER_PRODUCT", "InnerProduct"},
      {15, "LRN", "LRN"},
      {29, "MEMORY_DATA", "MemoryData"},
      {16, "MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"},
      {34, "MVN", "MVN"},
      {17, "POOLING", "Pooling"},
      {26, "POWER", "Power"},
      {18, "RELU", "ReLU"},
      {19, "SIGMOID", "Sigmoid"},
      {27, "SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"},
      {36, "SILENCE", "Silence"},
      {20, "SOFTMAX", "Softmax"},
      {21, "SOFTMAX_LOSS", "SoftmaxWithLoss"},
      {22, "SPLIT", "Split"},
      {33, "SLICE", "Slice"},
      {23, "TANH", "TanH"},
      {24, "WINDOW_DATA", "WindowData"},
      {31, "THRESHOLD", "Threshold"},
  };
  return types;
}

const std::vector<V0Type>& v0_types() {
  static const std::vector<V0Type> types = {
      {"accuracy", "ACCURACY"},
      {"bnll", "BNLL"},
      {"concat", "CONCAT"},
      {"conv", "CONVOLUTION"},
      {"data", "DATA"},
      {"dropout", "DROPOUT"},
      {"euclidean_loss", "EUCLIDEAN_LOSS"},
      {"flatten", "FLATTEN"},
      {"hdf5_data", "HDF5_DATA"},
      {"hdf5_output", "HDF5_OUTPUT"},
      {"im2col", "IM2COL"},
      {"images", "IMAGE_DATA"},
      {"infogain_loss", "INFOGAIN_LOSS"},
      {"innerproduct", "INNER_PRODUCT"},
      {"lrn", "LRN"},
      {"multinomial_logistic_loss", "MULTINOMIAL_LOGISTIC_LOSS"},
      {"pool", "POOLING"},
      {"relu", "RELU"},
      {"sigmoid", "SIGMOID"},
      {"softmax", "SOFTMAX"},
      {"softmax_loss", "SOFTMAX_LOSS"},
      {"split", "SPLIT"},
      {"tanh", "TANH"},
      {"window_data", "WINDOW_DATA"},
  };
  return types;
}

const std::vector<V0Field>& v0_fields() {
  static const std::vector<V0Field> fields = {
      {"name", "", "", "name"},
      {"blobs", "", "", "blobs"},
      {"blobs_lr", "", "", "blobs_lr"},
      {"weight_decay", "", "", "weight_decay"},
      {"num_output", "conv", "convolution_param", "num_output"},
      {"num_output", "innerproduct", "inner_product_param", "num_output"},
      {"biasterm", "conv", "convolution_param", "bias_term"},
      {"biasterm", "innerproduct", "inner_product_param", "bias_term"},
      {"weight_filler", "conv", "convolution_param", "weight_filler"},
      {"weight_filler", "innerproduct", "inner_product_param", "weight_filler"},
      {"bias_filler", "conv", "convolution_param", "bias_filler"},
      {"bias_filler", "innerproduct", "inner_product_param", "bias_filler"},
      {"pad", "conv", "convolution_param", "pad"},
      {"pad", "pool", "pooling_param", "pad"},
      {"kernelsize", "conv", "convolution_param", "kernel_size"},
      {"kernelsize", "pool", "pooling_param", "kernel_size"},
      {"group", "conv", "convolution_param", "group"},
      {"stride", "conv", "convolution_param", "stride"},
      {"stride", "pool", "pooling_param", "stride"},
      {"pool", "pool", "pooling_param", "pool"},
      {"dropout_ratio", "dropout", "dropout_param", "dropout_ratio"},
      {"local_size", "lrn", "lrn_param", "local_size"},
      {"alpha", "lrn", "lrn_param", "alpha"},
      {"beta", "lrn", "lrn_param", "beta"},
      {"k", "lrn", "lrn_param", "k"},
      {"source", "data", "data_param", "source"},
      {"source", "hdf5_data", "hdf5_data_param", "source"},
      {"source", "images", "image_data_param", "source"},
      {"source", "window_data", "window_data_param", "source"},
      {"source", "infogain_loss", "infogain_loss_param", "source"},
      {"batchsize", "data", "data_param", "batch_size"},
      {"batchsize", "hdf5_data", "hdf5_data_param", "batch_size"},
      {"batchsize", "images", "image_data_param", "batch_size"},
      {"batchsize", "window_data", "window_data_param", "batch_size"},
      {"rand_skip", "data", "data_param", "rand_skip"},
      {"rand_skip", "images", "image_data_param", "rand_skip"},
      {"scale", "", "transform_param", "scale"},
      {"meanfile", "", "transform_param", "mean_file"},
      {"cropsize", "", "transform_param", "crop_size"},
      {"mirror", "", "transform_param", "mirror"},
      {"new_height", "images", "image_data_param", "new_height"},
      {"new_width", "images", "image_data_param", "new_width"},
      {"shuffle_images", "images", "image_data_param", "shuffle"},
      {"det_fg_threshold", "window_data", "window_data_param", "fg_threshold"},
      {"det_bg_threshold", "window_data", "window_data_param", "bg_threshold"},
      {"det_fg_fraction", "window_data", "window_data_param", "fg_fraction"},
      {"det_context_pad", "window_data", "window_data_param", "context_pad"},
      {"det_crop_mode", "window_data", "window_data_param", "crop_mode"},
      {"concat_dim", "concat", "concat_param", "concat_dim"},
      {"hdf5_output_param", "hdf5_output", "", "hdf5_output_param"},
  };
  return fields;
}

bool is_v0_padding(const std::string& v0_type) {
  return v0_type == "padding";
}

bool takes_v0_padding(const std::string& v0_type) {
  return v0_type == "conv" || v0_type == "pool";
}

}  // namespace dlrun::config
