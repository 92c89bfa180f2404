// Rules T: transforms. Their cases are data, read from YAML (sdk/conform/transforms.yaml explains
// the fields).
#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/conform/data/sample.hpp"
#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/guarded.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"
#include "core/conform/values.hpp"
#include "core/host/error.hpp"
#include "core/host/instance.hpp"
#include "core/host/params.hpp"

namespace dlrun::conform {
namespace {

using Dims = std::vector<int64_t>;

constexpr uint64_t kPositions = 12;

struct TransformCase : KindCase {
  uint32_t dtype = DLR_U8;  // of the input
  Dims input;
  Values result;  // in testing; none: nothing was recorded
  std::vector<Dims> refuses;
  bool is_training = false;

  std::string text() const { return KindCase::text() + (is_training ? ", training" : ", testing"); }
};

uint32_t to_dtype(const std::string& name) {
  const auto bits = static_cast<uint32_t>(std::stoul(name.substr(1)));
  return static_cast<uint32_t>(name[0]) << 8 | bits;  // "u8": as abi.h makes them
}

std::vector<TransformCase> in_both_phases(const std::vector<TransformCase>& cases) {
  std::vector<TransformCase> both;
  for (TransformCase each : cases) {
    for (const bool is_training : {false, true}) {
      each.is_training = is_training;
      both.push_back(each);
    }
  }
  return both;
}

std::vector<TransformCase> transform_cases(const std::vector<CaseText>& texts,
                                           const std::string& type) {
  std::vector<TransformCase> cases;
  each_case(texts, type, [&](const YAML::Node& node, const std::string&) {
    cases.push_back({read_kind_case(type, node), to_dtype(node["type"].as<std::string>("u8")),
                     node["input"].as<Dims>(), node["result"].as<Values>(Values()),
                     node["refuses"].as<std::vector<Dims>>(std::vector<Dims>())});
  });
  return in_both_phases(cases);
}

std::vector<TransformCase> default_cases(const std::string& type) {
  std::vector<TransformCase> cases;
  for (const uint32_t dtype : {DLR_U8, DLR_F32}) {
    for (const Dims& input : {Dims{3, 6, 5}, {1, 9, 9}, {8}, {4, 3}})
      cases.push_back(
          {{type, fmt::format("default {} {}", dtype == DLR_U8 ? "u8" : "f32", Shape(input).text()),
            ""},
           dtype,
           input,
           {},
           {}});
  }
  return in_both_phases(cases);
}

// Element i is i, up to 250.
Bytes input_bytes(uint32_t dtype, int64_t count) {
  Bytes bytes;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t value = i % 251;
    switch (dtype) {
      case DLR_U8:
        bytes.push_back(static_cast<unsigned char>(value));
        break;
      case DLR_F32:
      case DLR_F64: {
        const Bytes one = to_bytes({static_cast<double>(value)}, dtype);
        bytes.insert(bytes.end(), one.begin(), one.end());
        break;
      }
      default:
        for (uint64_t byte = 0; byte < element_bytes(dtype); ++byte)
          bytes.push_back(static_cast<unsigned char>(byte == 0 ? value : 0));
    }
  }
  return bytes;
}

class TransformSubject {
 public:
  TransformSubject(const Ground& ground, const TransformCase& c)
      : case_(c),
        params_owner_(ground.catalogue),
        transform_(
            ground.catalogue.get<dlr_transform_type>("transform", c.type, {}, ""), "create: ",
            params_owner_.add(
                ground.parse_layer(fmt::format("{} {{ {} }}", c.type, c.fields)).message(c.type)),
            static_cast<uint8_t>(c.is_training ? 1 : 0)) {}

  dlr_array shape(const Dims& input) {
    dlr_array in = *GuardedArray(case_.dtype, Shape(input), 0).get();
    in.data = nullptr;  // it goes by the description alone
    dlr_array out{};
    host::check(transform_->shape(transform_.self(), &in, &out), "shape: ");
    return out;
  }
  KeptArray apply(const Dims& input, uint64_t position, uint64_t stream = 1,
                  unsigned char background = kBackgrounds[0]) {
    GuardedArray in(case_.dtype, Shape(input), 0);
    const Bytes given = input_bytes(case_.dtype, Shape(input).count());
    in.set(given);
    const dlr_array result = shape(input);
    if (element_bytes(result.dtype) == 0 || result.rank > DLR_MAX_RANK)
      fail(fmt::format("shape gives element type {:#x} and {} axes", result.dtype, result.rank),
           "f32, f64, i32, i64 or u8, and at most 8 axes");
    GuardedArray out(result.dtype, Shape(Dims(result.dim, result.dim + result.rank)), background);
    host::check(transform_->apply(transform_.self(), in.get(), {7, stream}, position, out.get()),
                "apply: ");
    in.require_intact();
    require_bytes(in.bytes(), given, "the input behind apply");
    out.require_intact();
    return keep(*out.get(), "the result");
  }
  KeptArray apply(uint64_t position, uint64_t stream = 1) {
    return apply(case_.input, position, stream);
  }

 private:
  const TransformCase& case_;
  host::ParamsOwner params_owner_;
  host::Instance<dlr_transform_type> transform_;
};

void check_recorded(const Ground& ground, const TransformCase& c) {
  if (c.result.empty() || c.is_training) decline("no recorded result; --cases can give some");
  const KeptArray found = TransformSubject(ground, c).apply(0);
  if (found.dtype != DLR_F32 && found.dtype != DLR_F64)
    decline("results are recorded as f32 or f64");
  const Values values = from_bytes(Bytes(found.bytes.begin(), found.bytes.end()), found.dtype);
  if (values.size() != c.result.size())
    fail(fmt::format("{} elements", values.size()), fmt::format("{}", c.result.size()));
  require_close(values, c.result, 1e-6, 0, "the result");
}

void check_shape(const Ground& ground, const TransformCase& c) {
  TransformSubject transform(ground, c);
  const auto shape_text = [&] {
    const dlr_array out = transform.shape(c.input);
    return describe({out.dtype, Dims(out.dim, out.dim + std::min(out.rank, 8U)), ""});
  };
  const std::string first = shape_text();
  for (uint64_t position = 0; position < kPositions; ++position) {
    const std::string over[] = {transform.apply(c.input, position, 1, kBackgrounds[0]).bytes,
                                transform.apply(c.input, position, 1, kBackgrounds[1]).bytes};
    require_all_written(Bytes(over[0].begin(), over[0].end()),
                        Bytes(over[1].begin(), over[1].end()));
    const std::string now = shape_text();
    if (now != first) fail("shape says " + now, first + ", as before");
  }
}

void check_writes(const Ground& ground, const TransformCase& c) {
  TransformSubject transform(ground, c);
  for (uint64_t position = 0; position < kPositions; ++position)
    transform.apply(position);
}

void check_repeats(const Ground& ground, const TransformCase& c) {
  TransformSubject transform(ground, c);
  Sample expected;
  for (uint64_t position = 0; position < kPositions; ++position)
    expected.push_back(transform.apply(position));
  TransformSubject other(ground, c);
  for (uint64_t position = kPositions; position-- > 0;) {
    transform.apply(position, 2);  // another key between
    for (TransformSubject* each : {&transform, &other})
      require_same({each->apply(position)}, {expected[position]},
                   fmt::format("position {} applied again", position));
  }
}

void check_refusals(const Ground& ground, const TransformCase& c) {
  if (c.refuses.empty()) decline("the case names no input that can't be");
  TransformSubject transform(ground, c);
  const KeptArray expected = transform.apply(0);
  for (const Dims& input : c.refuses) {
    try {
      transform.shape(input);
    } catch (const base::Error&) {
      require_same({transform.apply(0)}, {expected}, "behind an error");
      continue;
    }
    fail(fmt::format("an input of shape [{}] is taken", Shape(input).text()), "an error");
  }
}

void check_leaks(const Ground& ground, const TransformCase& c) {
  require_no_leak([&] { TransformSubject(ground, c).apply(1); });
}

void check_errors(const Ground& ground, const TransformCase& c) {
  require_errors_returned([&] {
    TransformSubject transform(ground, c);
    use([&] { transform.apply(1); });
  });
}

void check_threads(const Ground& ground, const TransformCase& c) {
  TransformSubject moved(ground, c);
  const KeptArray expected = moved.apply(1);
  in_another_thread(
      [&] { require_same({moved.apply(1)}, {expected}, "applied in another thread"); });
  require_independent([&](int thread) {
    TransformSubject transform(ground, c);
    std::string all;
    for (uint64_t position = 0; position < kPositions; ++position)
      all += transform.apply(position, static_cast<uint64_t>(thread)).bytes;
    return all;
  });
}

}  // namespace

void check_transform(const Ground& ground, const std::string& type,
                     const std::vector<CaseText>& texts, Runner& runner) {
  std::vector<TransformCase> cases = transform_cases(texts, type);
  runner.rung("results");
  if (cases.empty())
    cases = fitting(default_cases(type), "T2", type, runner,
                    [&](const TransformCase& c) { TransformSubject(ground, c).shape(c.input); });
  for (const TransformCase& c : cases) {
    const std::vector<Step> steps = {
        {"writes", "T4", [&] { check_writes(ground, c); }},
        {"results", "T2", [&] { check_shape(ground, c); }},
        {"results", "T3", [&] { check_repeats(ground, c); }},
        {"numbers", "T1", [&] { check_recorded(ground, c); }},
        {"errors", "T5", [&] { check_refusals(ground, c); }},
        {"memory", "T6", [&] { check_leaks(ground, c); }},
        {"errors", "A12", [&] { check_errors(ground, c); }},
        {"threads", "A13", [&] { check_threads(ground, c); }},
    };
    runner.climb(c.text(), steps);
  }
}

}  // namespace dlrun::conform
