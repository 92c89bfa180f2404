// Rules F: fillers. Their cases are data, read from YAML (sdk/conform/fillers.yaml explains the
// fields).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/guarded.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"
#include "core/conform/values.hpp"
#include "core/host/error.hpp"
#include "core/host/params.hpp"

namespace dlrun::conform {
namespace {

struct FillerCase : KindCase {
  std::vector<int64_t> shape = {};
  std::optional<bool> random = {};
  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();
  std::optional<double> mean = {};
  std::optional<double> variance = {};
};

template <class T>
std::optional<T> optional(const YAML::Node& node) {
  return node ? std::optional<T>(node.as<T>()) : std::nullopt;
}

std::vector<FillerCase> filler_cases(const std::vector<CaseText>& texts, const std::string& type) {
  std::vector<FillerCase> cases;
  each_case(texts, type, [&](const YAML::Node& node, const std::string&) {
    FillerCase made{read_kind_case(type, node)};
    made.shape = node["shape"].as<std::vector<int64_t>>();
    made.random = optional<bool>(node["random"]);
    made.least = node["least"].as<double>(made.least);
    made.greatest = node["greatest"].as<double>(made.greatest);
    made.mean = optional<double>(node["mean"]);
    made.variance = optional<double>(node["variance"]);
    cases.push_back(made);
  });
  return cases;
}

std::vector<FillerCase> default_cases(const std::string& type) {
  std::vector<FillerCase> cases;
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{7}, {5, 3}, {1}, {}, {4, 3, 2}, {4, 3, 5, 5}, {2, 3, 2, 3, 2}}) {
    FillerCase made{{type, fmt::format("default {}", Shape(shape).text()), ""}};
    made.shape = shape;
    cases.push_back(made);
  }
  return cases;
}

// Fills again and again, with the parameters of one case.
class FillerSubject {
 public:
  FillerSubject(const Ground& ground, const FillerCase& c)
      : type_(ground.catalogue.get<dlr_filler_type>("filler", c.type, {}, "")),
        shape_(c.shape),
        params_owner_(ground.catalogue),
        params_(params_owner_.add(
            ground.parse_filler(fmt::format("type: '{}' {}", c.type, c.fields)))) {}

  // Throws Failure when anything behind the values, or their shape, is touched.
  Values fill(uint64_t stream = 1, uint32_t dtype = DLR_F64,
              unsigned char background = kBackgrounds[0]) {
    return from_bytes(fill_bytes(stream, dtype, background), dtype);
  }
  Bytes fill_bytes(uint64_t stream, uint32_t dtype, unsigned char background) {
    GuardedArray array(dtype, shape_, background);
    host::check(type_.fill(params_, {7, stream}, array.get()), "fill: ");
    array.require_intact();
    return array.bytes();
  }

 private:
  const dlr_filler_type& type_;
  Shape shape_;
  host::ParamsOwner params_owner_;
  const dlr_params* params_;
};

void check_writes(const Ground& ground, const FillerCase& c) {
  FillerSubject filler(ground, c);
  for (const uint32_t dtype : {DLR_F32, DLR_F64}) {
    require_all_written(filler.fill_bytes(1, dtype, kBackgrounds[0]),
                        filler.fill_bytes(1, dtype, kBackgrounds[1]));
    for (const double value : filler.fill(1, dtype)) {
      if (!std::isfinite(value)) fail(fmt::format("a value is {}", value), "finite numbers");
    }
  }
}

void check_repeats(const Ground& ground, const FillerCase& c) {
  FillerSubject filler(ground, c);
  const Values first = filler.fill(1);
  filler.fill(2);
  require_same_bits({filler.fill(1)}, {first}, "behind another key, array");
  FillerSubject other(ground, c);
  require_same_bits({other.fill(1)}, {first}, "with another copy of the parameters, array");
}

void check_keys(const Ground& ground, const FillerCase& c) {
  if (!c.random) decline("the case doesn't say whether it is random");
  FillerSubject filler(ground, c);
  const bool differs = filler.fill(1) != filler.fill(2);
  if (*c.random && !differs) fail("another key gives the same values", "other ones");
  if (!*c.random && differs) fail("another key gives other values", "the same ones");
}

void check_float32(const Ground& ground, const FillerCase& c) {
  FillerSubject filler(ground, c);
  require_close(filler.fill(1, DLR_F32), filler.fill(1, DLR_F64), 1e-6, 1e-7, "in float32");
}

void check_statistics(const Ground& ground, const FillerCase& c) {
  if (std::isinf(c.least) && std::isinf(c.greatest) && !c.mean && !c.variance)
    decline("the case says nothing of its values");
  const Values values = FillerSubject(ground, c).fill();
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) {
    if (value < c.least || value > c.greatest)
      fail(fmt::format("a value of {}", value), fmt::format("from {} to {}", c.least, c.greatest));
    mean += value / n;
  }
  double variance = 0;
  double fourth = 0;
  for (const double value : values) {
    const double square = (value - mean) * (value - mean);
    variance += square / n;
    fourth += square * square / n;
  }
  // Five times how far they stray by chance, and what float parameters lose.
  const auto require = [&](const char* what, double found, const std::optional<double>& expected,
                           double chance) {
    constexpr double kRounding = 1e-6;
    if (!expected) return;
    const double allowed = 5 * std::sqrt(chance / n) + kRounding * std::abs(*expected);
    if (!(std::abs(found - *expected) <= allowed))
      fail(fmt::format("{} values have a {} of {}", values.size(), what, found),
           fmt::format("{}, within {:.2g}", *expected, allowed));
  };
  require("mean", mean, c.mean, variance);
  require("variance", variance, c.variance, std::max(0.0, fourth - variance * variance));
}

void check_leaks(const Ground& ground, const FillerCase& c) {
  require_no_leak([&] { FillerSubject(ground, c).fill(); });
}

void check_errors(const Ground& ground, const FillerCase& c) {
  require_errors_returned([&] {
    FillerSubject filler(ground, c);
    use([&] { filler.fill(); });
  });
}

void check_threads(const Ground& ground, const FillerCase& c) {
  require_independent([&](int thread) {
    return to_text({FillerSubject(ground, c).fill(static_cast<uint64_t>(thread))});
  });
}

}  // namespace

void check_filler(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner) {
  std::vector<FillerCase> cases = filler_cases(texts, type);
  runner.rung("values");
  if (cases.empty())
    cases = fitting(default_cases(type), "F1", type, runner,
                    [&](const FillerCase& c) { FillerSubject(ground, c).fill(); });
  for (const FillerCase& c : cases) {
    const std::vector<Step> steps = {
        {"values", "F4", [&] { check_writes(ground, c); }},
        {"values", "F1", [&] { check_repeats(ground, c); }},
        {"values", "F2", [&] { check_keys(ground, c); }},
        {"float32", "F3", [&] { check_float32(ground, c); }},
        {"numbers", "F5", [&] { check_statistics(ground, c); }},
        {"memory", "F6", [&] { check_leaks(ground, c); }},
        {"errors", "A12", [&] { check_errors(ground, c); }},
        {"threads", "A13", [&] { check_threads(ground, c); }},
    };
    runner.climb(c.text(), steps);
  }
}

}  // namespace dlrun::conform
