// What the process that runs checks tells the one that asked for them: a line of JSON for each
// check that begins and for each result, and one at the end.
#pragma once

#include <string>
#include <vector>

#include "core/conform/runner.hpp"

namespace dlrun::conform {

// Writes lines to a descriptor, and has the process ended by SIGALRM when a check takes too long.
class EventWriter : public Sink {
 public:
  EventWriter(int descriptor, unsigned seconds_per_check)
      : descriptor_(descriptor), seconds_per_check_(seconds_per_check) {}
  void begin(const Result& check) override;
  void end(const Result& result) override;
  void done();

 private:
  void write_line(const std::string& line) const;

  int descriptor_;
  unsigned seconds_per_check_;
};

// What those lines say, as far as they go.
struct Events {
  std::vector<Result> results;
  Result last_begun;  // without a result, unless `is_done`
  bool is_done = false;
};
Events read_events(const std::string& lines);

// "passed", "failed", "declined", "absent".
const char* to_text(Verdict verdict);

}  // namespace dlrun::conform
