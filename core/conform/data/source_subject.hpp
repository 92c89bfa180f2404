// A source of one case, and its cases: data, read from YAML (sdk/conform/sources.yaml explains the
// fields).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/conform/case_text.hpp"
#include "core/conform/data/sample.hpp"
#include "core/conform/data/sample_files.hpp"
#include "core/conform/ground.hpp"
#include "core/host/instance.hpp"
#include "core/host/params.hpp"

namespace dlrun::conform {

struct SourceCase : KindCase {
  std::vector<std::string> tops;
  std::vector<SampleFile> files;
};

std::vector<SourceCase> source_cases(const std::vector<CaseText>& texts, const std::string& type);
// Without parameters, with the fewest tops and with the most (up to a few).
std::vector<SourceCase> default_source_cases(const std::string& type, int32_t min_tops,
                                             int32_t max_tops);

class SourceSubject {
 public:
  // The case's files lie in `folder`.
  SourceSubject(const Ground& ground, const SourceCase& source_case,
                const std::filesystem::path& folder);

  dlr_source_info info();
  // Whether transforms apply, by top.
  std::vector<bool> transforms();
  // Throws Failure when an array isn't one.
  Sample read(uint64_t position);

 private:
  host::ParamsOwner params_owner_;
  host::Instance<dlr_source_type> source_;
  std::vector<dlr_array> arrays_;
};

}  // namespace dlrun::conform
