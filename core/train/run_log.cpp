#include "core/train/run_log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/train/weights.hpp"

namespace dlrun::train {

RunLog::RunLog(const std::string& file) : path_(file), file_(std::fopen(file.c_str(), "a")) {
  if (file_ == nullptr)
    base::fail_work({path_}, fmt::format("cannot open the log: {}", std::strerror(errno)));
}

void RunLog::write(Trainer& trainer, int64_t iteration, double loss) {
  nlohmann::json outputs = nlohmann::json::object();
  for (const net::Value* value : trainer.net().outputs()) {
    const std::vector<double> elements = read_blob(trainer.net(), value->data).to_doubles();
    if (elements.size() == 1) {
      outputs[value->name] = elements[0];
    } else {
      outputs[value->name] = elements;
    }
  }
  const nlohmann::json line = {{"iteration", iteration},
                               {"loss", loss},
                               {"lr", trainer.optimizer().rate(iteration)},
                               {"outputs", outputs}};
  const std::string text = line.dump() + "\n";
  const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
  if (!written || std::fflush(file_.get()) != 0) {
    base::fail_work({path_}, fmt::format("cannot write the log: {}", std::strerror(errno)));
  }
}

}  // namespace dlrun::train
