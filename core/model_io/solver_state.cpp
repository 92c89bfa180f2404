#include "core/model_io/solver_state.hpp"

#include <fmt/format.h>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/model_io/blob_proto.hpp"
#include "core/model_io/file_kind.hpp"
#include "core/model_io/hdf5_file.hpp"
#include "core/model_io/hdf5_writer.hpp"
#include "core/model_io/mapped_file.hpp"

namespace dlrun::model_io {
namespace {

// Field numbers of SolverState.
constexpr uint32_t kIteration = 1;
constexpr uint32_t kLearnedNet = 2;
constexpr uint32_t kHistory = 3;
constexpr uint32_t kCurrentStep = 4;

HostBlob parse_history(const WireField& field, size_t index) {
  try {
    return parse_blob(WireReader(field), field.offset);
  } catch (const WireError& error) {
    throw WireError(error.offset(), fmt::format("history blob {}: {}", index, error.what()));
  }
}

SolverStateFile parse_state(std::string_view bytes) {
  SolverStateFile state;
  WireReader reader(bytes);
  for (WireField field; reader.next(field);) {
    if (field.is(kIteration, WireType::kVarint)) {
      state.iteration = static_cast<int64_t>(field.value);
    } else if (field.is(kLearnedNet, WireType::kBytes)) {
      state.learned_net = field.bytes;
    } else if (field.is(kHistory, WireType::kBytes)) {
      state.history.push_back(parse_history(field, state.history.size()));
    } else if (field.is(kCurrentStep, WireType::kVarint)) {
      state.current_step = static_cast<int64_t>(field.value);
    }
  }
  return state;
}

SolverStateFile read_binary(const std::filesystem::path& path, std::string_view bytes) {
  require_kind(path, bytes, FileKind::kSolverState);
  try {
    return parse_state(bytes);
  } catch (const WireError& error) {
    base::fail_input({path.string()},
                     fmt::format("is damaged or no .solverstate: {} (at byte {} of {})",
                                 error.what(), error.offset(), bytes.size()));
  }
}

int64_t read_number(const Hdf5File& file, const std::string& name) {
  const std::vector<int64_t> values = file.read_integers(name);
  if (values.size() == 1) return values[0];
  base::fail_input({file.path().string()},
                   fmt::format("dataset '{}' has {} values, expected one", name, values.size()));
}

SolverStateFile read_hdf5(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  if (!file.is_dataset("iter") || !file.is_group("history")) {
    base::fail_input({path.string()},
                     file.is_group("data")
                         ? "is a file of weights (.caffemodel.h5), expected a file "
                           "of solver state (.solverstate.h5)"
                         : "has no dataset 'iter' or no group 'history', expected a "
                           ".solverstate.h5");
  }
  SolverStateFile state;
  state.iteration = read_number(file, "iter");
  if (file.has("learned_net")) state.learned_net = file.read_string("learned_net");
  if (file.has("current_step")) state.current_step = read_number(file, "current_step");
  const size_t count = file.members("history").size();
  for (size_t i = 0; i < count; ++i)
    state.history.push_back(file.read(fmt::format("history/{}", i)));
  return state;
}

void write_binary(const std::filesystem::path& path, const SolverStateFile& state) {
  base::replace_file(path, [&](const std::filesystem::path& temporary) {
    FileWriter file(path, temporary);
    std::string head;
    append_varint_field(head, kIteration, static_cast<uint64_t>(state.iteration));
    append_bytes_field(head, kLearnedNet, state.learned_net);
    file.write(head);
    for (const HostBlob& blob : state.history) {
      require_complete(blob, path);
      const EncodedBlob encoded = encode_blob(blob);
      std::string header;
      append_bytes_header(header, kHistory, encoded.size());
      file.write(header);
      write_encoded_blob(file, encoded);
    }
    std::string tail;
    append_varint_field(tail, kCurrentStep, static_cast<uint64_t>(state.current_step));
    file.write(tail);
    file.close();
  });
}

void write_hdf5_state(const std::filesystem::path& path, const SolverStateFile& state) {
  write_hdf5(path, [&](Hdf5Writer& file) {
    file.write_integer("iter", state.iteration);
    file.write_string("learned_net", state.learned_net);
    file.write_integer("current_step", state.current_step);
    file.make_group("history");
    for (size_t i = 0; i < state.history.size(); ++i) {
      file.write(fmt::format("history/{}", i), state.history[i]);
    }
  });
}

}  // namespace

SolverStateFile read_solver_state(const std::filesystem::path& path) {
  const MappedFile file(path);
  return is_hdf5(file.bytes()) ? read_hdf5(path) : read_binary(path, file.bytes());
}

void write_solver_state(const std::filesystem::path& path, const SolverStateFile& state,
                        FileFormat format) {
  if (format == FileFormat::kHdf5) {
    write_hdf5_state(path, state);
  } else {
    write_binary(path, state);
  }
}

}  // namespace dlrun::model_io
