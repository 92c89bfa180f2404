#include "core/train/snapshot.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/sha256.hpp"
#include "core/model_io/resume_state.hpp"
#include "core/model_io/solver_state.hpp"
#include "core/model_io/weights.hpp"
#include "core/train/environment.hpp"
#include "core/train/session.hpp"
#include "core/train/trainer.hpp"
#include "core/train/weights.hpp"

namespace dlrun::train {
namespace {

namespace fs = std::filesystem;

// The three files of one snapshot.
struct SnapshotFiles {
  fs::path weights;
  fs::path solver_state;
  fs::path resume_state;
};

SnapshotFiles files_of(const std::string& stem, const std::string& ending) {
  return {stem + ".caffemodel" + ending, stem + ".solverstate" + ending, stem + ".dlrunstate"};
}

// "x_iter_5.solverstate.h5" -> ("x_iter_5", ".h5"); nothing for files of another kind.
std::optional<std::pair<std::string, std::string>> split(const std::string& file,
                                                         const std::string& kind) {
  for (const std::string ending : {"", ".h5"}) {
    const std::string tail = kind + ending;
    if (file.size() > tail.size() &&
        file.compare(file.size() - tail.size(), tail.size(), tail) == 0) {
      return std::pair(file.substr(0, file.size() - tail.size()), ending);
    }
  }
  return std::nullopt;
}

std::string key_of(const std::string& net, const std::string& layer) {
  return net + "/" + layer;
}

template <class Visit>
void for_each_net(Trainer& trainer, Visit&& visit) {
  visit("train", trainer.net());
  for (size_t i = 0; i < trainer.test_nets().size(); ++i)
    visit(fmt::format("test{}", i), *trainer.test_nets()[i]);
}

model_io::ResumeState collect_state(Session& session, Trainer& trainer,
                                    const std::vector<double>& loss_window) {
  model_io::ResumeState state;
  state.iteration = trainer.iteration();
  state.random_seed = session.seed();
  state.loss_window = loss_window;
  state.environment = environment_facts(session);
  state.config_sha256 = base::sha256(config::to_prototxt(session.job().train_net));
  for_each_net(trainer, [&](const std::string& name, net::Net& net) {
    state.numbers[key_of(name, "pass")] = static_cast<double>(net.pass());
    for (const auto& stage : net.stages()) {
      if (stage->feed) state.source_positions[key_of(name, stage->name)] = stage->feed->position();
      if (!stage->layer) continue;
      std::string bytes = stage->layer->save_state();
      if (!bytes.empty()) state.layer_states[key_of(name, stage->name)] = std::move(bytes);
    }
  });
  return state;
}

void apply_state(const model_io::ResumeState& state, Trainer& trainer) {
  for_each_net(trainer, [&](const std::string& name, net::Net& net) {
    const auto pass = state.numbers.find(key_of(name, "pass"));
    if (pass != state.numbers.end()) net.set_pass(static_cast<uint64_t>(pass->second));
    for (const auto& stage : net.stages()) {
      const std::string key = key_of(name, stage->name);
      const auto position = state.source_positions.find(key);
      if (stage->feed && position != state.source_positions.end())
        stage->feed->seek(position->second);
      const auto bytes = state.layer_states.find(key);
      if (stage->layer && bytes != state.layer_states.end())
        stage->layer->load_state(bytes->second);
    }
  });
}

// A snapshot of another tool (or an older one): data positions follow from the iteration.
void apply_iteration(int64_t iteration, int64_t iter_size, Trainer& trainer) {
  for (const auto& stage : trainer.net().stages()) {
    if (stage->feed) {
      stage->feed->seek(static_cast<uint64_t>(iteration * iter_size) * stage->feed->batch_size());
    }
  }
}

bool is_complete(const SnapshotFiles& files) {
  std::error_code ignored;
  if (!fs::exists(files.weights, ignored) || !fs::exists(files.solver_state, ignored)) return false;
  if (!fs::exists(files.resume_state, ignored)) return false;
  try {
    const model_io::ResumeState state = model_io::read_resume_state(files.resume_state);
    return state.weights_sha256 == base::sha256_of_file(files.weights) &&
           state.solver_state_sha256 == base::sha256_of_file(files.solver_state);
  } catch (const base::Error&) {
    return false;
  }
}

// The newest complete snapshot of a prefix.
std::string newest_snapshot(const std::string& prefix) {
  const fs::path path(prefix + "_iter_");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string begin = path.filename().string();
  std::vector<std::pair<int64_t, fs::path>> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto parts = split(name, ".solverstate");
    if (!parts || parts->first.compare(0, begin.size(), begin) != 0) continue;
    const std::string digits = parts->first.substr(begin.size());
    int64_t iteration = -1;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), iteration);
    if (error == std::errc() && end == digits.data() + digits.size())
      found.emplace_back(iteration, folder / name);
  }
  std::sort(found.rbegin(), found.rend());
  for (const auto& [iteration, file] : found) {
    const auto parts = split(file.string(), ".solverstate");
    if (is_complete(files_of(parts->first, parts->second))) return file.string();
    spdlog::warn(
        "{}: this snapshot isn't complete (killed while it was written?); trying an older one",
        file.string());
  }
  return {};
}

}  // namespace

std::string snapshot_prefix(const config::Node& solver) {
  if (solver.has("snapshot_prefix")) return solver.text("snapshot_prefix");
  return fs::path(solver.where().file).replace_extension().string();
}

std::string write_snapshot(Session& session, Trainer& trainer,
                           const std::vector<double>& loss_window) {
  const config::Node& solver = session.job().solver;
  const bool hdf5 = solver.text("snapshot_format") == "HDF5";
  const model_io::FileFormat format =
      hdf5 ? model_io::FileFormat::kHdf5 : model_io::FileFormat::kBinary;
  const std::string stem = fmt::format("{}_iter_{}", snapshot_prefix(solver), trainer.iteration());
  const SnapshotFiles files = files_of(stem, hdf5 ? ".h5" : "");

  model_io::write_weights(files.weights, trainer.net().name(), weights_of(trainer.net()), format);
  model_io::SolverStateFile solver_state;
  solver_state.iteration = trainer.iteration();
  solver_state.learned_net = files.weights.string();
  solver_state.history = trainer.optimizer().history();
  model_io::write_solver_state(files.solver_state, solver_state, format);

  model_io::ResumeState state = collect_state(session, trainer, loss_window);
  state.weights_sha256 = base::sha256_of_file(files.weights);
  state.solver_state_sha256 = base::sha256_of_file(files.solver_state);
  model_io::write_resume_state(files.resume_state, state);
  return files.weights.string();
}

std::string find_snapshot(const config::Node& solver, const std::string& file) {
  if (file == "auto") return newest_snapshot(snapshot_prefix(solver));
  if (const auto weights = split(file, ".caffemodel")) {
    const fs::path state = files_of(weights->first, weights->second).solver_state;
    if (fs::exists(state)) return state.string();
    base::fail_input(
        {file},
        fmt::format(
            "is a file of weights, and there is no {} beside it; to start from weights alone "
            "use --weights",
            state.filename().string()));
  }
  return file;
}

std::optional<uint64_t> seed_of_snapshot(const std::string& state_file) {
  const auto parts = split(state_file, ".solverstate");
  const fs::path file = (parts ? parts->first : state_file) + ".dlrunstate";
  if (!fs::exists(file)) return std::nullopt;
  return model_io::read_resume_state(file).random_seed;
}

ResumePoint read_snapshot(const std::string& state_file, Session& session, Trainer& trainer) {
  const model_io::SolverStateFile solver_state = model_io::read_solver_state(state_file);
  const auto parts = split(state_file, ".solverstate");
  const std::string stem = parts ? parts->first : state_file;
  const SnapshotFiles files = files_of(stem, parts ? parts->second : "");

  fs::path weights = base::resolve_path(solver_state.learned_net, state_file);
  if (fs::exists(files.weights)) weights = files.weights;
  train::load_weights(trainer.net(), weights);
  trainer.optimizer().set_history(solver_state.history, state_file);

  ResumePoint point;
  point.iteration = solver_state.iteration;
  if (!fs::exists(files.resume_state)) {
    spdlog::warn("{} isn't there: data order follows from the iteration, other state begins anew",
                 files.resume_state.string());
    apply_iteration(point.iteration, session.job().solver.integer("iter_size"), trainer);
    return point;
  }
  const model_io::ResumeState state = model_io::read_resume_state(files.resume_state);
  for (const std::string& difference :
       model_io::environment_differences(state.environment, environment_facts(session))) {
    spdlog::warn("the resumed run may differ in its last bits: {}", difference);
  }
  if (state.config_sha256 != base::sha256(config::to_prototxt(session.job().train_net))) {
    spdlog::warn("the net's description has changed since {}", files.resume_state.string());
  }
  apply_state(state, trainer);
  point.loss_window = state.loss_window;
  return point;
}

}  // namespace dlrun::train
