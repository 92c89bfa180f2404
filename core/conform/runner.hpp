// Runs checks one after the other and tells a sink what became of each. A check is a function that
// returns when its rule holds, throws Failure when it is broken, and Declined when the plugin may
// say no here and does.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dlrun::conform {

enum class Verdict { kPassed, kFailed, kDeclined, kAbsent };

struct Result {
  std::string rung;  // "memory", "operators" ...: a step of the ladder
  std::string rule;  // "O3"; see rules.hpp
  std::string name;  // of the case
  Verdict verdict = Verdict::kPassed;
  std::string found;  // or the reason, for declined and absent
  std::string expected;
};

struct Failure {
  std::string found;
  std::string expected;
};

struct Declined {
  std::string reason;
};

[[noreturn]] void fail(const std::string& found, const std::string& expected);
[[noreturn]] void decline(const std::string& reason);

// Names a check among those of a part.
inline std::string key_of(const Result& check) {
  return check.rule + " " + check.name;
}

class Sink {
 public:
  virtual ~Sink() = default;
  // Before a check runs: should it end the process, this is the one that did.
  virtual void begin(const Result& check) = 0;
  virtual void end(const Result& result) = 0;
};

// One step of a ladder: a check and where it belongs.
struct Step {
  const char* rung;
  const char* rule;
  std::function<void()> check;
};

class Runner {
 public:
  // With `after`, the key of a check that ended an earlier process: all up to it are skipped.
  explicit Runner(Sink& sink, std::string after = {}) : sink_(sink), after_(std::move(after)) {}

  // From now on each check also tells what it changed of the process (A7) and, with `threads`,
  // what threads it left running (A8).
  void watch_process(bool threads);

  // The step of the ladder that the checks from here on belong to.
  void rung(const std::string& name) { rung_ = name; }
  // Whether the rule held, and A6 (A7, A8) beside it; true also when it was declined or skipped.
  // False for the one that ended a process.
  bool check(const std::string& rule, const std::string& name, const std::function<void()>& body);
  // Takes one case up a ladder, to the first step that breaks: what breaks one rule mostly breaks
  // those behind it too. Whether all held.
  bool climb(const std::string& name, const std::vector<Step>& steps);
  // The rung isn't there at all.
  void absent(const std::string& reason);

 private:
  void end_beside(const std::string& rule, const std::string& name, const Failure& failure);
  bool left_alone(const std::string& name, const std::string& settings);

  Sink& sink_;
  bool watches_settings_ = false;
  int threads_ = 0;  // that there may be; 0: not watched
  std::string after_;
  std::string rung_;
};

// Keeps the results, for tests and for checks within this process.
class Collector : public Sink {
 public:
  void begin(const Result&) override {}
  void end(const Result& result) override { results.push_back(result); }
  std::vector<Result> results;
};

}  // namespace dlrun::conform
