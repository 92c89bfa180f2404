#include "core/conform/runner.hpp"

#include <fmt/format.h>

#include "core/conform/process_state.hpp"

namespace dlrun::conform {

void fail(const std::string& found, const std::string& expected) {
  throw Failure{found, expected};
}

void decline(const std::string& reason) {
  throw Declined{reason};
}

void Runner::watch_process(bool threads) {
  watches_settings_ = true;
  if (threads) threads_ = count_threads();
}

void Runner::end_beside(const std::string& rule, const std::string& name, const Failure& failure) {
  sink_.end({rung_, rule, name, Verdict::kFailed, failure.found, failure.expected});
}

bool Runner::left_alone(const std::string& name, const std::string& settings) {
  const std::string now = watches_settings_ ? process_settings() : "";
  if (now != settings) end_beside("A7", name, {now, settings});
  const int more = threads_ == 0 ? 0 : count_threads_beyond(threads_) - threads_;
  if (more > 0) {
    end_beside("A8", name, {fmt::format("{} threads more", more), "none more"});
    threads_ += more;
  }
  return now == settings && more <= 0;
}

bool Runner::check(const std::string& rule, const std::string& name,
                   const std::function<void()>& body) {
  Result result{rung_, rule, name, Verdict::kPassed, "", ""};
  if (!after_.empty()) {
    const bool is_last = key_of(result) == after_;
    if (is_last) after_.clear();
    return !is_last;
  }
  sink_.begin(result);
  const FloatControl before = float_control();
  const std::string settings = watches_settings_ ? process_settings() : "";
  try {
    body();
  } catch (const Failure& failure) {
    result.verdict = Verdict::kFailed;
    result.found = failure.found;
    result.expected = failure.expected;
  } catch (const Declined& declined) {
    result.verdict = Verdict::kDeclined;
    result.found = declined.reason;
  } catch (const std::exception& error) {
    result.verdict = Verdict::kFailed;
    result.found = std::string("a call failed: ") + error.what();
    result.expected = "success";
  }
  sink_.end(result);
  bool holds = left_alone(name, settings) && result.verdict != Verdict::kFailed;
  const FloatControl after = float_control();
  if (!(after == before)) {
    set_float_control(before);
    end_beside("A6", name, {to_text(after), to_text(before)});
    holds = false;
  }
  return holds;
}

bool Runner::climb(const std::string& name, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    rung(step.rung);
    if (!check(step.rule, name, step.check)) return false;
  }
  return true;
}

void Runner::absent(const std::string& reason) {
  if (after_.empty()) sink_.end({rung_, "", "", Verdict::kAbsent, reason, ""});
}

}  // namespace dlrun::conform
