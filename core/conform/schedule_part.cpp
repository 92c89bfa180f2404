// Rules C: schedules. Their cases are data, read from YAML (sdk/conform/schedules.yaml explains the
// fields).
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"
#include "core/host/instance.hpp"
#include "core/host/params.hpp"

namespace dlrun::conform {
namespace {

struct ScheduleCase : KindCase {
  std::map<int64_t, double> rates;  // by iteration; none: nothing was recorded
};

std::vector<ScheduleCase> schedule_cases(const std::vector<CaseText>& texts,
                                         const std::string& type) {
  std::vector<ScheduleCase> cases;
  each_case(texts, type, [&](const YAML::Node& node, const std::string&) {
    cases.push_back({read_kind_case(type, node),
                     node["rates"].as<std::map<int64_t, double>>(std::map<int64_t, double>())});
  });
  return cases;
}

// What schedules are mostly made of.
std::vector<ScheduleCase> default_cases(const std::string& type) {
  return {{{type, "base_lr alone", "base_lr: 0.5"}, {}},
          {{type, "with every field of a schedule",
            "base_lr: 0.5 gamma: 0.75 power: 0.5 stepsize: 10 stepvalue: 5 stepvalue: 9 "
            "max_iter: 100"},
           {}}};
}

class ScheduleSubject {
 public:
  ScheduleSubject(const Ground& ground, const ScheduleCase& c)
      : params_owner_(ground.catalogue),
        schedule_(ground.catalogue.get<dlr_schedule_type>("schedule", c.type, {}, ""), "create: ",
                  params_owner_.add(
                      ground.parse_solver(fmt::format("lr_policy: '{}' {}", c.type, c.fields)))) {}
  double rate(int64_t iteration) { return schedule_->rate(schedule_.self(), iteration); }

 private:
  host::ParamsOwner params_owner_;
  host::Instance<dlr_schedule_type> schedule_;
};

const std::vector<int64_t>& iterations() {
  static const std::vector<int64_t> all = [] {
    std::vector<int64_t> made;
    for (int64_t i = 0; i < 130; ++i)
      made.push_back(i);
    made.insert(made.end(), {999, 1000, 1001, 99999, 1000000, int64_t{1} << 31, int64_t{1} << 40});
    return made;
  }();
  return all;
}

void check_recorded(const Ground& ground, const ScheduleCase& c) {
  if (c.rates.empty()) decline("no recorded rates of it; --cases can give some");
  constexpr double kTolerance = 1e-12;
  ScheduleSubject schedule(ground, c);
  for (const auto& [iteration, expected] : c.rates) {
    const double found = schedule.rate(iteration);
    if (!(std::abs(found - expected) <= kTolerance * std::abs(expected)))
      fail(fmt::format("in iteration {} the rate is {}", iteration, found),
           fmt::format("{}", expected));
  }
}

void require_rate(ScheduleSubject& schedule, int64_t iteration, double expected, const char* how) {
  const double found = schedule.rate(iteration);
  if (found != expected)
    fail(fmt::format("in iteration {}, asked {}, the rate is {}", iteration, how, found),
         fmt::format("{}", expected));
}

void check_pure(const Ground& ground, const ScheduleCase& c) {
  ScheduleSubject schedule(ground, c);
  std::map<int64_t, double> expected;
  for (const int64_t iteration : iterations())
    expected[iteration] = schedule.rate(iteration);
  for (auto entry = expected.rbegin(); entry != expected.rend(); ++entry)
    require_rate(schedule, entry->first, entry->second, "backwards");
  for (const auto& [iteration, rate] : expected) {
    require_rate(schedule, iteration, rate, "again");
    require_rate(schedule, iteration, rate, "twice");
    ScheduleSubject other(ground, c);
    require_rate(other, iteration, rate, "first of another instance");
  }
}

void check_finite(const Ground& ground, const ScheduleCase& c) {
  ScheduleSubject schedule(ground, c);
  for (const int64_t iteration : iterations()) {
    const double rate = schedule.rate(iteration);
    if (!std::isfinite(rate) || rate < 0)
      fail(fmt::format("in iteration {} the rate is {}", iteration, rate),
           "a finite number, 0 or more");
  }
}

void check_leaks(const Ground& ground, const ScheduleCase& c) {
  require_no_leak([&] { ScheduleSubject(ground, c).rate(3); });
}

void check_errors(const Ground& ground, const ScheduleCase& c) {
  require_errors_returned([&] { ScheduleSubject(ground, c).rate(3); });
}

void check_threads(const Ground& ground, const ScheduleCase& c) {
  require_independent([&](int thread) {
    ScheduleSubject schedule(ground, c);
    Values rates;
    for (const int64_t iteration : iterations())
      rates.push_back(schedule.rate(iteration + thread));
    return to_text({rates});
  });
}

}  // namespace

void check_schedule(const Ground& ground, const std::string& type,
                    const std::vector<CaseText>& texts, Runner& runner) {
  std::vector<ScheduleCase> cases = schedule_cases(texts, type);
  runner.rung("rates");
  if (cases.empty())
    cases = fitting(default_cases(type), "C2", type, runner,
                    [&](const ScheduleCase& c) { ScheduleSubject(ground, c); });
  for (const ScheduleCase& c : cases) {
    const std::vector<Step> steps = {
        {"rates", "C3", [&] { check_finite(ground, c); }},
        {"rates", "C2", [&] { check_pure(ground, c); }},
        {"numbers", "C1", [&] { check_recorded(ground, c); }},
        {"memory", "C4", [&] { check_leaks(ground, c); }},
        {"errors", "A12", [&] { check_errors(ground, c); }},
        {"threads", "A13", [&] { check_threads(ground, c); }},
    };
    runner.climb(c.text(), steps);
  }
}

}  // namespace dlrun::conform
