#include "core/conform/data/sample_files.hpp"

#include <fmt/format.h>

#include <fstream>

#include "core/base/error.hpp"
#include "core/conform/data/database_subject.hpp"
#include "core/conform/runner.hpp"
#include "core/model_io/datum.hpp"
#include "core/model_io/hdf5_writer.hpp"

namespace dlrun::conform {
namespace {

namespace fs = std::filesystem;
using Dims = std::vector<int64_t>;

int64_t count_behind_first(const Dims& shape) {
  int64_t count = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis)
    count *= shape[axis];
  return count;
}

// Bytes of a sample, which differ from those of its neighbours.
std::string sample_bytes(int64_t sample, int64_t count) {
  std::string bytes;
  for (int64_t i = 0; i < count; ++i)
    bytes.push_back(static_cast<char>((sample * 37 + i * 11) % 251));
  return bytes;
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  if (!out.flush()) base::fail_work({path.string(), 0, 0}, "can't be written");
}

void write_idx(const fs::path& path, const Dims& shape) {
  constexpr char kBytes = 8;  // the element type
  std::string bytes = {0, 0, kBytes, static_cast<char>(shape.size())};
  for (const int64_t dim : shape) {
    for (const int shift : {24, 16, 8, 0})
      bytes.push_back(static_cast<char>(dim >> shift & 0xFF));
  }
  for (int64_t sample = 0; sample < shape.at(0); ++sample)
    bytes += sample_bytes(sample, count_behind_first(shape));
  write_bytes(path, bytes);
}

// Values differ between files too, by their names' last letter before the ending.
void write_datasets(const fs::path& path, const std::map<std::string, Dims>& datasets) {
  const double first = path.stem().string().back();
  model_io::write_hdf5(path, [&](model_io::Hdf5Writer& writer) {
    for (const auto& [name, shape] : datasets) {
      std::vector<float> values;
      for (int64_t i = 0; i < shape.at(0) * count_behind_first(shape); ++i)
        values.push_back(static_cast<float>(first + static_cast<double>(i) / 64));
      writer.write(name, model_io::HostBlob::of_floats(shape, values));
    }
  });
}

void write_datums(net::Catalogue& catalogue, const std::string& kind, const fs::path& path,
                  const Dims& shape) {
  if (!catalogue.has("database", kind))
    decline(fmt::format("no plugin for a database of kind {} is here", kind));
  DatabaseSubject database(catalogue.get<dlr_database_type>("database", kind, {}, ""), path, true);
  for (int64_t sample = 0; sample < shape.at(0); ++sample) {
    const std::string bytes = sample_bytes(sample, count_behind_first(shape));
    model_io::Datum datum;
    datum.channels = static_cast<int32_t>(shape.at(1));
    datum.height = static_cast<int32_t>(shape.at(2));
    datum.width = static_cast<int32_t>(shape.at(3));
    datum.label = static_cast<int32_t>(sample);
    datum.data = bytes;
    database.put(fmt::format("{:08}", sample), model_io::encode_datum(datum));
  }
  database.commit();
}

}  // namespace

std::vector<SampleFile> read_sample_files(const YAML::Node& files, const std::string& file) {
  std::vector<SampleFile> made;
  for (const YAML::Node& node : files) {
    SampleFile sample;
    sample.name = node["name"].as<std::string>();
    sample.database = node["database"].as<std::string>("");
    sample.shape = node["shape"].as<Dims>(Dims());
    sample.idx = node["idx"].as<Dims>(Dims());
    sample.datasets =
        node["datasets"].as<std::map<std::string, Dims>>(std::map<std::string, Dims>());
    sample.text = node["text"].as<std::string>("");
    const std::string copy = node["copy"].as<std::string>("");
    if (!copy.empty()) sample.copy = fs::absolute(fs::path(file).parent_path() / copy).string();
    made.push_back(sample);
  }
  return made;
}

void make_sample_files(const std::vector<SampleFile>& files, const fs::path& folder,
                       net::Catalogue& catalogue) {
  for (const SampleFile& file : files) {
    const fs::path path = folder / file.name;
    if (!file.database.empty()) {
      write_datums(catalogue, file.database, path, file.shape);
    } else if (!file.datasets.empty()) {
      write_datasets(path, file.datasets);
    } else if (!file.idx.empty()) {
      write_idx(path, file.idx);
    } else if (!file.copy.empty()) {
      std::error_code error;
      fs::copy(file.copy, path, fs::copy_options::recursive, error);
      if (error) base::fail_input({file.copy, 0, 0}, "can't be copied: " + error.message());
    } else {
      write_bytes(path, with_folder(file.text, folder));
    }
  }
}

std::string with_folder(std::string text, const fs::path& folder) {
  constexpr std::string_view kName = "{folder}";
  for (std::size_t at = 0; (at = text.find(kName, at)) != std::string::npos;)
    text.replace(at, kName.size(), folder.string());
  return text;
}

}  // namespace dlrun::conform
