// Runs a program to its end, with a time limit, and takes what it writes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace dlrun::registry {

struct ChildResult {
  std::string output;      // what it wrote to standard output
  std::string last_words;  // the end of what it wrote to standard error
  bool timed_out = false;  // it was killed
  int signal = 0;          // that ended it
  int exit_code = 0;
};

// `arguments[0]` is the program's path. It runs in a process group of its own, which is killed in
// the end. `environment`
// ("NAME=value") is added to ours. Throws base::Error when it can't be started.
ChildResult run_child(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment,
                      std::chrono::milliseconds time_limit);

}  // namespace dlrun::registry
