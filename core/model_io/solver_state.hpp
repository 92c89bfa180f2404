// Files of solver state: Caffe's .solverstate (binary) and .solverstate.h5 (HDF5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/model_io/host_blob.hpp"
#include "core/model_io/weights.hpp"

namespace dlrun::model_io {

struct SolverStateFile {
  int64_t iteration = 0;
  std::string learned_net;  // the path of the weights that belong to this state, as written
  std::vector<HostBlob>
      history;  // for each learnable parameter; Adam and AdaDelta append a second round
  int64_t current_step = 0;  // how many steps the step and multistep policies have made
};

// The format is told by the content. Throws Error (exit code 2), also for a file of weights.
SolverStateFile read_solver_state(const std::filesystem::path& path);

// Replaces `path`. Throws Error (exit code 1).
void write_solver_state(const std::filesystem::path& path, const SolverStateFile& state,
                        FileFormat format);

}  // namespace dlrun::model_io
