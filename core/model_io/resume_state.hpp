// <prefix>_iter_N.dlrunstate: what an exact resume needs and Caffe's files can't hold, as JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dlrun::model_io {

struct ResumeState {
  int64_t iteration = 0;
  uint64_t random_seed = 0;
  std::map<std::string, uint64_t>
      source_positions;                   // by source (layer) name: samples delivered so far
  std::vector<double> loss_window;        // the losses that average_loss still counts, oldest first
  std::map<std::string, double> numbers;  // of the loop: best score, bad rounds ...
  std::map<std::string, std::string> schedule_states;  // raw bytes, by schedule name
  std::map<std::string, std::string> layer_states;     // raw bytes of save_state, by layer name
  // What the run computed on: cpu, isa, threads, device, library versions, algorithm choices.
  std::map<std::string, std::string> environment;
  // Lower-case hexadecimal sha256 of the resolved configuration and of the two files beside this
  // one.
  std::string config_sha256;
  std::string weights_sha256;
  std::string solver_state_sha256;

  bool operator==(const ResumeState&) const = default;
};

// Numbers survive exactly, not-a-number and infinities included. Throws Error (exit code 2) with
// line and column for bad JSON, with the key for a missing, unknown or ill-typed entry.
ResumeState read_resume_state(const std::filesystem::path& path);

// Replaces `path`. Throws Error (exit code 1).
void write_resume_state(const std::filesystem::path& path, const ResumeState& state);

// One line for each fact that differs: "threads: 4 in the snapshot, 2 now"; what a resume warns of.
std::vector<std::string> environment_differences(const std::map<std::string, std::string>& snapshot,
                                                 const std::map<std::string, std::string>& now);

}  // namespace dlrun::model_io
