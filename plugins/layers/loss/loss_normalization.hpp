// loss_normalization.hpp: what LossParameter says a loss is divided by, shared by losses with
// labels.
#pragma once

#include <dlrun/layer.hpp>

#include <string>

namespace dlrun {

class LossNormalization {
 public:
  // `layer` is the LayerParameter. The old field `normalize` counts when `normalization` isn't set,
  // and when neither is, `otherwise`.
  explicit LossNormalization(const Params& layer, const char* otherwise = "VALID") {
    const Params loss = layer.message("loss_param");
    can_ignore_ = loss.has("ignore_label");
    ignored_ = can_ignore_ ? loss.get<double>("ignore_label") : 0;
    mode_ = otherwise;
    if (loss.has("normalization")) {
      mode_ = loss.get<std::string>("normalization");
    } else if (loss.has("normalize")) {
      mode_ = loss.get<bool>("normalize") ? "VALID" : "BATCH_SIZE";
    }
  }

  bool can_ignore() const { return can_ignore_; }
  double ignored() const { return ignored_; }

  // What a loss over `positions` labels of `images` images is divided by; 0 for the number of
  // labels that are not ignored. Never less than 1 in the end.
  double divisor(int64_t images, int64_t positions) const {
    if (mode_ == "FULL") return static_cast<double>(positions);
    if (mode_ == "BATCH_SIZE") return static_cast<double>(images);
    if (mode_ == "NONE") return 1;
    return 0;
  }

 private:
  bool can_ignore_ = false;
  double ignored_ = 0;
  std::string mode_;
};

}  // namespace dlrun
