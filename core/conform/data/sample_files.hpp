// The files that a case's source reads, made by the suite itself in a temporary folder.
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/net/catalogue.hpp"

namespace dlrun::conform {

// One of them, with the one content that is set.
struct SampleFile {
  std::string name;
  std::string database;        // the kind of a database of Datums, each of `shape` behind the first
  std::vector<int64_t> shape;  // samples x channels x height x width
  std::vector<int64_t> idx;    // the shape of an IDX file
  std::map<std::string, std::vector<int64_t>> datasets;  // of an HDF5 file
  std::string text;
  std::string copy;  // the path of a file of the author's
};

// `file`: in which the case lies, where relative paths begin.
std::vector<SampleFile> read_sample_files(const YAML::Node& files, const std::string& file);

// No two samples are the same. Throws Declined when no plugin is there for a database.
void make_sample_files(const std::vector<SampleFile>& files, const std::filesystem::path& folder,
                       net::Catalogue& catalogue);

// The text with each {folder} replaced.
std::string with_folder(std::string text, const std::filesystem::path& folder);

}  // namespace dlrun::conform
