// Accuracy: the fraction of labels whose score is among the top_k highest.
//
//   y = (labels with fewer than top_k other scores >= their own) / (labels)
//
// Letters: C classes, the size of `axis`; N all axes of the scores before it, S all behind it.
// Shapes: scores [N,C,S...], labels any with N * S elements; y a scalar. An optional second top [C]
// holds the accuracy of each class, 0 for a class without labels. Labels equal to ignore_label are
// not counted. Equal scores count as higher, so that a net that gives all classes the same score is
// never right. No gradient. Source: Caffe's Accuracy.
#include <dlrun/layer.hpp>
#include <dlrun/plugin.hpp>

#include <optional>
#include <string>
#include <vector>

#include "accuracy.proto.inc"

namespace dlrun {
namespace {

class Accuracy final : public Layer {
 public:
  explicit Accuracy(const Params& layer) : params_(layer.message("accuracy_param")) {
    top_k_ = params_.get<int64_t>("top_k");
    if (top_k_ < 1) params_.fail("top_k", "top_k is 0, expected at least 1");
    axis_ = params_.get<int64_t>("axis");
    if (params_.has("ignore_label")) ignored_ = params_.get<int64_t>("ignore_label");
  }

  void setup(SetupContext& context) override {
    LayerFacts facts;
    facts.host_only = 1;
    facts.no_backward = 1;
    context.facts(facts);
    for (int i = 0; i < 2; ++i) {
      BottomFacts bottom;
      bottom.data_needed_in_backward = 0;
      bottom.gradient_flows = 0;
      bottom.index_input = i == 1;
      context.bottom_facts(i, bottom);
    }
  }

  void reshape(ReshapeContext& context) override {
    const Shape scores = context.bottom_shape(0);
    const Shape labels = context.bottom_shape(1);
    const int axis = scores.axis(axis_);
    outer_ = scores.count(0, axis);
    classes_ = scores[axis];
    inner_ = scores.count(axis + 1, scores.rank());
    if (top_k_ > classes_) {
      params_.fail("top_k", "top_k is " + std::to_string(top_k_) + ", but there are only " +
                                std::to_string(classes_) + " classes");
    }
    if (labels.count() != outer_ * inner_) {
      throw Error("the scores have shape " + scores.text() + " and the labels " + labels.text() +
                  "; expected a label for each of the " + std::to_string(outer_ * inner_) +
                  " positions, which are all axes of the scores but axis " + std::to_string(axis));
    }
    context.top(0, Shape{});
    if (context.n_tops() > 1) context.top(1, {classes_});
  }

  void forward(RunContext& context) override {
    if (context.dtype() == DLR_F64) {
      count<double>(context);
    } else {
      count<float>(context);
    }
  }

 private:
  template <class T>
  void count(RunContext& context) {
    const T* scores = context.map_read<T>(context.bottom(0));
    const T* labels = context.map_read<T>(context.bottom(1));
    correct_.assign(static_cast<size_t>(classes_), 0);
    labelled_.assign(static_cast<size_t>(classes_), 0);
    int64_t correct = 0;
    int64_t labelled = 0;
    for (int64_t i = 0; i < outer_ * inner_; ++i) {
      const std::optional<int64_t> label = checked_label(static_cast<double>(labels[i]), i);
      if (!label) continue;
      const T* first = scores + (i / inner_) * classes_ * inner_ + i % inner_;
      const bool is_correct = is_among_best(first, *label);
      correct += is_correct;
      labelled += 1;
      correct_[static_cast<size_t>(*label)] += is_correct;
      labelled_[static_cast<size_t>(*label)] += 1;
    }
    *context.map_write<T>(context.top(0)) = ratio<T>(correct, labelled);
    if (context.n_tops() == 1) return;
    T* per_class = context.map_write<T>(context.top(1));
    for (size_t c = 0; c < correct_.size(); ++c)
      per_class[c] = ratio<T>(correct_[c], labelled_[c]);
  }

  template <class T>
  static T ratio(int64_t part, int64_t whole) {
    return whole == 0 ? T(0) : static_cast<T>(part) / static_cast<T>(whole);
  }

  // Nothing for a label that is to be ignored.
  std::optional<int64_t> checked_label(double label, int64_t position) const {
    if (ignored_ && label == static_cast<double>(*ignored_)) return std::nullopt;
    if (!(label >= 0 && label < static_cast<double>(classes_))) {
      throw Error("label " + std::to_string(position) + " of the batch is " +
                  std::to_string(label) + ", expected a class from 0 to " +
                  std::to_string(classes_ - 1) +
                  "; check the data, or set num_output or ignore_label to match");
    }
    return static_cast<int64_t>(label);
  }

  // The score of class c is scores[c * inner].
  template <class T>
  bool is_among_best(const T* scores, int64_t label) const {
    const T own = scores[label * inner_];
    int64_t better = -1;  // it finds itself as well
    for (int64_t c = 0; c < classes_ && better < top_k_; ++c)
      better += scores[c * inner_] >= own;
    return better >= 0 && better < top_k_;
  }

  Params params_;
  int64_t top_k_;
  int64_t axis_;
  std::optional<int64_t> ignored_;
  int64_t outer_ = 0;    // N
  int64_t classes_ = 0;  // C
  int64_t inner_ = 0;    // S
  std::vector<int64_t> correct_;
  std::vector<int64_t> labelled_;
};

const dlr_layer_type kAccuracy = layer_type<Accuracy>({2, 2, 1, 2});

}  // namespace
}  // namespace dlrun

DLR_PLUGIN("org.dlrun.accuracy", "1.0.0", accuracy_proto,
           DLR_PROVIDE("dlrun.layer/1", "Accuracy", "fraction of labels among the best scores",
                       dlrun::kAccuracy));
