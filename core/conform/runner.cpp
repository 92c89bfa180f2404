#include "core/conform/runner.hpp"

#include "core/conform/process_state.hpp"

namespace dlrun::conform {

void fail(const std::string& found, const std::string& expected) {
  throw Failure{found, expected};
}

void decline(const std::string& reason) {
  throw Declined{reason};
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
  const FloatControl after = float_control();
  if (after == before) return result.verdict != Verdict::kFailed;
  set_float_control(before);
  sink_.end({rung_, "A6", name, Verdict::kFailed, to_text(after), to_text(before)});
  return false;
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
