// Rules R: sources.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/base/error.hpp"
#include "core/base/temporary_folder.hpp"
#include "core/conform/data/damage.hpp"
#include "core/conform/data/source_subject.hpp"
#include "core/conform/faults.hpp"
#include "core/conform/fitting.hpp"
#include "core/conform/leaks.hpp"
#include "core/conform/parts.hpp"
#include "core/conform/two_threads.hpp"

namespace dlrun::conform {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostPositions = 60;
constexpr uint64_t kMostOfARound = 5000;

// The files of a case, and sources over them.
class Place {
 public:
  Place(const Ground& ground, const SourceCase& c) : ground_(ground), case_(c) {
    make_sample_files(c.files, folder_.path(), ground.catalogue);
  }
  const fs::path& folder() const { return folder_.path(); }
  SourceSubject open() const { return {ground_, case_, folder_.path()}; }

 private:
  const Ground& ground_;
  const SourceCase& case_;
  base::TemporaryFolder folder_;
};

// Over more than one round where rounds are short.
uint64_t few_positions(SourceSubject& source) {
  return std::min(2 * source.info().length + 3, kMostPositions);
}

std::vector<Sample> read_in_order(SourceSubject& source, uint64_t from, uint64_t n) {
  std::vector<Sample> samples;
  for (uint64_t i = 0; i < n; ++i)
    samples.push_back(source.read(from + i));
  return samples;
}

std::string to_text(const dlr_source_info& info) {
  return fmt::format("batches of {}, {} samples", info.batch_size, info.length);
}

void check_describe(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  SourceSubject source = place.open();
  const dlr_source_info info = source.info();
  const std::vector<bool> transforms = source.transforms();
  if (info.batch_size == 0 || info.length == 0) fail(to_text(info), "at least 1 of each");
  read_in_order(source, 0, few_positions(source));
  SourceSubject other = place.open();
  for (const dlr_source_info& now : {source.info(), other.info()}) {
    if (to_text(now) != to_text(info)) fail(to_text(now), to_text(info) + ", as before");
  }
  if (source.transforms() != transforms || other.transforms() != transforms)
    fail("transforms_top gives another answer", "the same each time");
}

void check_arrays(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  SourceSubject source = place.open();
  const Sample first = source.read(0);
  for (const uint64_t from : {uint64_t{1}, source.info().length, uint64_t{1} << 40}) {
    for (const Sample& sample : read_in_order(source, from, few_positions(source))) {
      for (std::size_t top = 0; top < first.size(); ++top) {
        if (sample[top].dtype != first[top].dtype)
          fail(fmt::format("behind position {}, top {}: {}", from, top, describe(sample[top])),
               describe(first[top]));
      }
    }
  }
}

void check_pure(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  SourceSubject source = place.open();
  const uint64_t n = few_positions(source);
  const std::vector<Sample> expected = read_in_order(source, 0, n);
  const auto require = [&](SourceSubject& from, uint64_t position, const char* how) {
    require_same(from.read(position), expected[position],
                 fmt::format("position {} {}", position, how));
  };
  for (uint64_t i = n; i-- > 0;)
    require(source, i, "read backwards");
  SourceSubject other = place.open();
  require(other, n / 2, "as another instance's first");
  constexpr uint64_t kWorkers = 3;  // as a run that is divided reads
  for (uint64_t worker = 0; worker < kWorkers; ++worker) {
    SourceSubject own = place.open();
    for (uint64_t i = worker; i < n; i += kWorkers)
      require(own, i, "read by steps of 3");
  }
  other.read((uint64_t{1} << 33) + 1);
  for (const uint64_t position : {uint64_t{0}, uint64_t{0}, n - 1, uint64_t{1}})
    require(other, position % n, "read again");
}

void check_rounds(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  SourceSubject source = place.open();
  const uint64_t length = source.info().length;
  if (length > kMostOfARound)
    decline(fmt::format("{} samples are too many to hold rounds against each other", length));
  std::vector<Sample> first = read_in_order(source, 0, length);
  std::sort(first.begin(), first.end());
  for (const uint64_t round : {1, 2, 7}) {
    std::vector<Sample> later = read_in_order(source, round * length, length);
    std::sort(later.begin(), later.end());
    if (later != first)
      fail(fmt::format("from position {} on, {} samples are other ones than from 0", round * length,
                       length),
           "the same samples, in the same or another order");
  }
}

// Makes a source over damaged files and reads. An error is as good as success; a Failure isn't.
bool reads_without_error(const Place& place) {
  try {
    SourceSubject source = place.open();
    read_in_order(source, 0, few_positions(source));
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

void check_wrong_files(const Ground& ground, const SourceCase& c) {
  if (c.files.empty()) decline("the case has no files");
  for (const SampleFile& file : c.files) {
    const Place place(ground, c);
    fs::remove_all(place.folder() / file.name);
    if (reads_without_error(place))
      fail(fmt::format("{} isn't there, and nothing was said", file.name), "an error");
  }
  for (const Damage& damage : damages()) {
    for (const fs::path& file : files_within(Place(ground, c).folder())) {
      const Place place(ground, c);
      damage.apply(place.folder() / file);
      reads_without_error(place);
    }
  }
}

void check_source_leaks(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  require_no_leak([&] {
    SourceSubject source = place.open();
    read_in_order(source, 0, std::min<uint64_t>(few_positions(source), 8));
  });
}

void check_errors(const Ground& ground, const SourceCase& c) {
  constexpr uint64_t kPositions = 3;
  const Place place(ground, c);
  SourceSubject undisturbed = place.open();
  const std::vector<Sample> expected = read_in_order(undisturbed, 0, kPositions);
  require_errors_returned([&] {
    SourceSubject source = place.open();
    for (const uint64_t position : {0, 1, 2, 1}) {
      use([&] {
        require_same(source.read(position), expected[position],
                     fmt::format("position {}, with errors of the host before", position));
      });
    }
  });
}

void check_threads(const Ground& ground, const SourceCase& c) {
  const Place place(ground, c);
  SourceSubject moved = place.open();
  for (uint64_t position = 0; position < 4; ++position) {
    const Sample expected = moved.read(position);
    in_another_thread(
        [&] { require_same(moved.read(position), expected, "read in another thread"); });
  }
  require_independent([&](int thread) {
    SourceSubject source = place.open();
    std::string all;
    for (const Sample& sample : read_in_order(source, thread == 0 ? 0 : 2, 20)) {
      for (const KeptArray& array : sample)
        all += array.bytes;
    }
    return all;
  });
}

}  // namespace

void check_source(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner) {
  std::vector<SourceCase> cases = source_cases(texts, type);
  runner.rung("samples");
  if (cases.empty()) {
    const auto& source = ground.catalogue.get<dlr_source_type>("source", type, {}, "");
    cases = fitting(default_source_cases(type, source.min_tops, source.max_tops), "R1", type,
                    runner, [&](const SourceCase& c) { Place(ground, c).open(); });
  }
  for (const SourceCase& c : cases) {
    const std::vector<Step> steps = {
        {"samples", "R2", [&] { check_arrays(ground, c); }},
        {"samples", "R1", [&] { check_describe(ground, c); }},
        {"positions", "R3", [&] { check_pure(ground, c); }},
        {"positions", "R4", [&] { check_rounds(ground, c); }},
        {"errors", "R5", [&] { check_wrong_files(ground, c); }},
        {"memory", "R6", [&] { check_source_leaks(ground, c); }},
        {"errors", "A12", [&] { check_errors(ground, c); }},
        {"threads", "A13", [&] { check_threads(ground, c); }},
    };
    runner.climb(c.text(), steps);
  }
}

}  // namespace dlrun::conform
