// Files of solver state: BVLC Caffe's are read with their values, ours decode with a reader of the
// test's own.
#include "core/model_io/solver_state.hpp"

#include "core/model_io/hdf5_file.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

SolverStateFile sample_state() {
  SolverStateFile state;
  state.iteration = 300;
  state.learned_net = "run_iter_300.caffemodel";
  state.current_step = 2;
  state.history = {HostBlob::of_floats({2, 2}, {1, 2, 3, 4}), HostBlob::of_doubles({1}, {-0.1})};
  return state;
}

}  // namespace

TEST_CASE("a solverstate of BVLC Caffe has its iteration, net, step and history") {
  const SolverStateFile step = read_solver_state(kGolden / "sgd_step_iter_12.solverstate");
  CHECK(step.iteration == 12);
  CHECK(step.learned_net == "sgd_step_iter_12.caffemodel");
  CHECK(step.current_step == 1);
  REQUIRE(step.history.size() == 6);
  CHECK(step.history[0].shape == std::vector<int64_t>{5, 6});
  CHECK(sums_of(step.history[0]).placed == doctest::Approx(0.031215063530908083).epsilon(1e-12));
  CHECK(sums_of(step.history[4]).plain == doctest::Approx(0.00431750132702291).epsilon(1e-12));

  const SolverStateFile adam = read_solver_state(kGolden / "adam_decay_iter_24.solverstate");
  CHECK(adam.iteration == 24);
  CHECK(adam.current_step == 0);
  REQUIRE(adam.history.size() == 12);  // first and second moments
  CHECK(adam.history[6].shape == std::vector<int64_t>{5, 6});
  CHECK(sums_of(adam.history[6]).plain == doctest::Approx(0.061377272904792335).epsilon(1e-12));
  CHECK(sums_of(adam.history[11]).placed == doctest::Approx(1.6988571957199383e-05).epsilon(1e-12));
}

TEST_CASE("every recorded solverstate is written back to the bytes that Caffe wrote") {
  const TemporaryFolder folder;
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.path().extension() != ".solverstate") continue;
    write_solver_state(folder / "again", read_solver_state(entry.path()), FileFormat::kBinary);
    CAPTURE(entry.path());
    CHECK(dlrun::base::read_file(folder / "again") == dlrun::base::read_file(entry.path()));
    ++count;
  }
  CHECK(count == 48);
}

TEST_CASE("a written solverstate decodes by the field numbers of Caffe's schema") {
  const TemporaryFolder folder;
  write_solver_state(folder / "s", sample_state(), FileFormat::kBinary);
  const std::string bytes = dlrun::base::read_file(folder / "s");
  const std::vector<PlainField> fields = plain_fields(bytes);
  REQUIRE(fields.size() == 5);
  CHECK(fields[0].number == 1);
  CHECK(fields[0].value == 300);
  CHECK(fields[1].number == 2);
  CHECK(fields[1].bytes == "run_iter_300.caffemodel");
  CHECK(fields[2].number == 3);
  CHECK(plain_numbers<float>(plain_all(fields[2].bytes, 5).at(0)) ==
        std::vector<float>{1, 2, 3, 4});
  CHECK(plain_numbers<double>(plain_all(fields[3].bytes, 8).at(0)) == std::vector<double>{-0.1});
  CHECK(fields[4].number == 4);
  CHECK(fields[4].value == 2);
}

TEST_CASE("solver state comes back exactly from either format") {
  const TemporaryFolder folder;
  const SolverStateFile written = sample_state();
  for (const FileFormat format : {FileFormat::kBinary, FileFormat::kHdf5}) {
    write_solver_state(folder / "s", written, format);
    const SolverStateFile read = read_solver_state(folder / "s");
    CHECK(read.iteration == written.iteration);
    CHECK(read.learned_net == written.learned_net);
    CHECK(read.current_step == written.current_step);
    REQUIRE(read.history.size() == 2);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(read.history[i].shape == written.history[i].shape);
      CHECK(read.history[i].values == written.history[i].values);
    }
  }
}

TEST_CASE("an HDF5 solverstate has the datasets that Caffe reads") {
  const TemporaryFolder folder;
  write_solver_state(folder / "s.h5", sample_state(), FileFormat::kHdf5);
  const Hdf5File file = Hdf5File::open(folder / "s.h5");
  CHECK(file.read_integers("iter") == std::vector<int64_t>{300});
  CHECK(file.read_integers("current_step") == std::vector<int64_t>{2});
  CHECK(file.read_string("learned_net") == "run_iter_300.caffemodel");
  CHECK(file.members("history") == std::vector<std::string>{"0", "1"});
}

TEST_CASE("a file of another kind is named, and what was expected") {
  const TemporaryFolder folder;
  CHECK(catch_error([] { read_solver_state(kGolden / "init.caffemodel"); })
            .says("is a file of weights (.caffemodel), expected a file of solver state "
                  "(.solverstate)"));
  write_weights(folder / "w.h5", "net", {{"l", "T", {HostBlob::of_floats({1}, {1})}}},
                FileFormat::kHdf5);
  const Caught caught = catch_error([&] { read_solver_state(folder / "w.h5"); });
  CHECK(caught.says("is a file of weights (.caffemodel.h5), expected"));
  CHECK(caught.code == 2);
  write_solver_state(folder / "s.h5", sample_state(), FileFormat::kHdf5);
  CHECK(catch_error([&] {
          read_weights(folder / "s.h5");
        }).says("is a file of solver state (.solverstate.h5), expected a file of weights"));
  CHECK(catch_error([&] {
          read_solver_state(put(folder / "t", "net: \"x\"\n"));
        }).says("is a text file"));
  const std::string cut =
      dlrun::base::read_file(kGolden / "sgd_step_iter_12.solverstate").substr(0, 200);
  CHECK(catch_error([&] {
          read_solver_state(put(folder / "cut", cut));
        }).says("is damaged or no .solverstate: field 3 has "));
}
