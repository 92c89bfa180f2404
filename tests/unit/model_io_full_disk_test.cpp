// When writing fails (a disk that is full, a folder that isn't there), the old file stays and one
// message says why.
#include <sys/resource.h>

#include <csignal>
#include <functional>

#include "core/model_io/blob_file.hpp"
#include "core/model_io/hdf5_writer.hpp"
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

// While it lives no file of this process grows beyond `bytes`: writing more fails as on a full
// disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit = {bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &old_); }

 private:
  rlimit old_{};
};

struct Writer {
  const char* name;
  std::function<void(const fs::path&)> write;
};

std::vector<Writer> all_writers() {
  const HostBlob big = HostBlob::of_floats({100000}, std::vector<float>(100000, 1));
  const std::vector<LayerWeights> layers = {{"l", "T", {big, big}}, {"m", "T", {big}}};
  SolverStateFile state;
  state.history = {big, big};
  ResumeState resume;
  resume.layer_states["l"] = std::string(300000, 'x');
  return {
      {"weights",
       [=](const fs::path& path) { write_weights(path, "n", layers, FileFormat::kBinary); }},
      {"weights.h5",
       [=](const fs::path& path) { write_weights(path, "n", layers, FileFormat::kHdf5); }},
      {"state",
       [=](const fs::path& path) { write_solver_state(path, state, FileFormat::kBinary); }},
      {"state.h5",
       [=](const fs::path& path) { write_solver_state(path, state, FileFormat::kHdf5); }},
      {"blob", [=](const fs::path& path) { write_blob_file(path, big); }},
      {"resume", [=](const fs::path& path) { write_resume_state(path, resume); }},
  };
}

}  // namespace

TEST_CASE("on a full disk every writer keeps the old file and says so once") {
  for (const Writer& writer : all_writers()) {
    for (const rlim_t limit : {0, 100, 2000, 200000}) {
      CAPTURE(writer.name);
      CAPTURE(limit);
      const TemporaryFolder folder;
      const fs::path path = put(folder / "out", "old");
      Caught caught;
      {
        const FileSizeLimit full(limit);
        caught = catch_error([&] { writer.write(path); });
      }
      CAPTURE(caught.message);
      CHECK(caught.code == 1);
      CHECK(caught.message.starts_with(path.string() + ": cannot write"));
      CHECK(caught.says("File too large"));
      CHECK(dlrun::base::read_file(path) == "old");
      CHECK(folder.count_files() == 1);
    }
  }
}

TEST_CASE("after a failure the same process writes again") {
  for (const Writer& writer : all_writers()) {
    const TemporaryFolder folder;
    {
      const FileSizeLimit full(1000);
      CHECK(catch_error([&] { writer.write(folder / "out"); }).code == 1);
    }
    CHECK(catch_error([&] { writer.write(folder / "out"); }).message == "");
    CHECK(folder.count_files() == 1);
  }
}

TEST_CASE("a folder that isn't there is named") {
  for (const Writer& writer : all_writers()) {
    CAPTURE(writer.name);
    const Caught caught = catch_error([&] { writer.write("/nonexistent/folder/out"); });
    CHECK(caught.code == 1);
    CHECK(caught.message.starts_with("/nonexistent/folder/out: cannot "));
    CHECK(caught.says("No such file or directory"));
  }
}
