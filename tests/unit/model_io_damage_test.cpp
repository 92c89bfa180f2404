// Damaged files of every kind: cut off at any byte and with bytes changed, each is read or refused
// with an Error that names the file; nothing else happens.
#include <functional>
#include <random>

#include "core/model_io/blob_file.hpp"
#include "core/model_io/datum.hpp"
#include "core/model_io/resume_state.hpp"
#include "core/model_io/solver_state.hpp"
#include "core/model_io/weights.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

// HDF5 frees not everything of files that it fails to read or to write to the end.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

namespace {

// Calls `read` on the bytes; anything but success or a well-made Error fails the test. Returns
// whether it was read.
template <typename Read>
bool reads(const fs::path& path, const std::string& bytes, Read read) {
  fs::remove(path);  // a new file is made faster than an old one is cut and filled
  put(path, bytes);
  const Caught caught = catch_error([&] { read(path); });
  if (caught.code == 0) return true;
  if (caught.code != 2 || !caught.message.starts_with(path.string())) FAIL_CHECK(caught.message);
  return false;
}

struct Tally {
  size_t read = 0;
  size_t refused = 0;
};

// Every prefix in steps of `step`, and `n_changes` copies with one to three bytes changed.
template <typename Read>
Tally damage(const std::string& good, size_t step, size_t n_changes, Read read) {
  const TemporaryFolder folder;
  const fs::path path = folder / "damaged";
  REQUIRE(reads(path, good, read));
  Tally tally;
  const auto count = [&](bool was_read) { ++(was_read ? tally.read : tally.refused); };
  for (size_t length = 0; length < good.size(); length += step) {
    count(reads(path, good.substr(0, length), read));
  }
  std::mt19937 random(7);
  for (size_t i = 0; i < n_changes; ++i) {
    std::string bytes = good;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(random() % 2 == 0 ? byte ^ (1 << random() % 8) : random() % 256);
    }
    count(reads(path, bytes, read));
  }
  return tally;
}

std::string written(const std::function<void(const fs::path&)>& write) {
  const TemporaryFolder folder;
  write(folder / "f");
  return dlrun::base::read_file(folder / "f");
}

std::vector<LayerWeights> sample_layers() {
  return {{"a", "T", {HostBlob::of_floats({3, 4}, std::vector<float>(12, 1.5f))}},
          {"b/c", "T", {HostBlob::of_doubles({2}, {1, 2}), HostBlob::of_floats({}, {3})}}};
}

}  // namespace

TEST_CASE("damaged binary weights and solver states are read or refused") {
  const auto weights = [](const fs::path& path) { read_weights(path); };
  const Tally of_weights =
      damage(dlrun::base::read_file(kGolden / "init.caffemodel"), 1, 4000, weights);
  CHECK(of_weights.read > 200);      // changed values are still values
  CHECK(of_weights.refused > 1000);  // changed lengths are not
  const auto state = [](const fs::path& path) { read_solver_state(path); };
  const Tally of_states =
      damage(dlrun::base::read_file(kGolden / "sgd_step_iter_12.solverstate"), 1, 4000, state);
  CHECK(of_states.read > 200);
  CHECK(of_states.refused > 500);
}

TEST_CASE("random bytes are never weights, whatever reads them") {
  const TemporaryFolder folder;
  std::mt19937 random(11);
  for (int i = 0; i < 1500; ++i) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    if (i % 2 == 0) bytes = "\xa2\x06" + bytes;  // as a V2 layer begins
    reads(folder / "r", bytes, [](const fs::path& path) { read_weights(path); });
    reads(folder / "r", bytes, [](const fs::path& path) { read_solver_state(path); });
    reads(folder / "r", bytes, [](const fs::path& path) { read_blob_file(path); });
    reads(folder / "r", bytes, [](const fs::path& path) { read_resume_state(path); });
  }
}

TEST_CASE("groups nested without end are stepped over, not recursed into") {
  const TemporaryFolder folder;
  const Caught caught =
      catch_error([&] { read_weights(put(folder / "g", std::string(1000000, '\x0b'))); });
  CHECK(caught.says("ends inside a group (at byte 1000000 of 1000000)"));
}

TEST_CASE("damaged HDF5 weights and solver states are read or refused") {
  const std::string weights = written(
      [](const fs::path& path) { write_weights(path, "net", sample_layers(), FileFormat::kHdf5); });
  const Tally of_weights =
      damage(weights, 16, 600, [](const fs::path& path) { read_weights(path); });
  CHECK(of_weights.read > 100);
  CHECK(of_weights.refused > 100);
  SolverStateFile sample;
  sample.history = {HostBlob::of_floats({2}, {1, 2})};
  const std::string state =
      written([&](const fs::path& path) { write_solver_state(path, sample, FileFormat::kHdf5); });
  const Tally of_states =
      damage(state, 16, 600, [](const fs::path& path) { read_solver_state(path); });
  CHECK(of_states.read > 100);
  CHECK(of_states.refused > 100);
}

TEST_CASE("damaged resume states are read or refused") {
  ResumeState sample;
  sample.source_positions["data"] = 12;
  sample.loss_window = {0.5, 1e-300};
  sample.layer_states["bn"] = "bytes";
  sample.environment["cpu"] = "x";
  const std::string good = written([&](const fs::path& path) { write_resume_state(path, sample); });
  const Tally tally = damage(good, 1, 1500, [](const fs::path& path) { read_resume_state(path); });
  CHECK(tally.refused > 500);
}

TEST_CASE("damaged datums and blobs are read or refused") {
  Datum sample;
  sample.channels = 3;
  sample.height = 4;
  sample.width = 5;
  sample.label = -7;
  const std::string pixels(60, '\x55');
  sample.data = pixels;
  Datum reused;
  const Tally of_datums = damage(encode_datum(sample), 1, 4000, [&](const fs::path& path) {
    const std::string bytes = dlrun::base::read_file(path);
    decode_datum(bytes, path.string(), reused);
  });
  CHECK(of_datums.read > 200);
  CHECK(of_datums.refused > 200);
  const std::string blob = written([](const fs::path& path) {
    write_blob_file(path, HostBlob::of_floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  });
  const Tally of_blobs = damage(blob, 1, 2000, [](const fs::path& path) { read_blob_file(path); });
  CHECK(of_blobs.refused > 200);
}
