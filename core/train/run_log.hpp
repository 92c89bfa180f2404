// A log of a run for programs: a file of JSON lines, one for each iteration.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "core/train/trainer.hpp"

namespace dlrun::train {

class RunLog {
 public:
  // Appends to `file`, so that a resumed run goes on with its log. Throws base::Error when it can't
  // be opened.
  explicit RunLog(const std::string& file);

  // {"iteration": 7, "loss": 0.31, "lr": 0.01, "outputs": {"loss": 0.31}}, with the loss and the
  // net's outputs before that iteration's update; outputs of several elements are lists.
  void write(Trainer& trainer, int64_t iteration, double loss);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace dlrun::train
