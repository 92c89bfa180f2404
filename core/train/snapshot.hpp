// Snapshots: weights and solver state in Caffe's formats, and beside them what an exact resume
// needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/node.hpp"

namespace dlrun::train {

class Session;
class Trainer;

// The prefix of snapshot files: the solver's, or the configuration file's name without its ending.
std::string snapshot_prefix(const config::Node& solver);

// Writes PREFIX_iter_N.caffemodel, .solverstate and .dlrunstate (the first two with .h5 when
// snapshot_format is HDF5), each whole or not at all, the .dlrunstate last: it says that the other
// two are complete. Returns the weights' path.
std::string write_snapshot(Session& session, Trainer& trainer,
                           const std::vector<double>& loss_window);

// The .solverstate to go on from: `file` itself, the one beside a .caffemodel, or for "auto" the
// newest of the prefix whose files are complete; "" when "auto" finds none.
std::string find_snapshot(const config::Node& solver, const std::string& file);

// The seed of the run that made a snapshot, where it was recorded.
std::optional<uint64_t> seed_of_snapshot(const std::string& state_file);

struct ResumePoint {
  int64_t iteration = 0;
  std::vector<double> loss_window;
};

// Puts weights, history, data positions and layer states back. Warns about what can make the run
// differ.
ResumePoint read_snapshot(const std::string& state_file, Session& session, Trainer& trainer);

}  // namespace dlrun::train
