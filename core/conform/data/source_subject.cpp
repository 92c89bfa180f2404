#include "core/conform/data/source_subject.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/host/error.hpp"

namespace dlrun::conform {
namespace {

constexpr dlr_random_key kKey = {7, 11};

std::vector<std::string> numbered_tops(int32_t n) {
  std::vector<std::string> tops;
  for (int32_t i = 0; i < n; ++i)
    tops.push_back(fmt::format("y{}", i));
  return tops;
}

config::Node layer_of(const Ground& ground, const SourceCase& c,
                      const std::filesystem::path& folder) {
  std::string tops;
  for (const std::string& top : c.tops)
    tops += fmt::format("top: '{}' ", top);
  return ground.parse_layer(
      fmt::format("type: '{}' {}{}", c.type, tops, with_folder(c.fields, folder)));
}

}  // namespace

std::vector<SourceCase> source_cases(const std::vector<CaseText>& texts, const std::string& type) {
  std::vector<SourceCase> cases;
  each_case(texts, type, [&](const YAML::Node& node, const std::string& file) {
    cases.push_back({read_kind_case(type, node),
                     node["tops"].as<std::vector<std::string>>(numbered_tops(1)),
                     read_sample_files(node["files"], file)});
  });
  return cases;
}

std::vector<SourceCase> default_source_cases(const std::string& type, int32_t min_tops,
                                             int32_t max_tops) {
  constexpr int32_t kFew = 3;
  const int32_t least = std::max(min_tops, 1);
  const int32_t most = max_tops == DLR_UNBOUNDED ? std::max(least, kFew) : std::min(max_tops, kFew);
  std::vector<SourceCase> cases = {{{type, "default", ""}, numbered_tops(least), {}}};
  if (most > least)
    cases.push_back({{type, fmt::format("{} tops", most), ""}, numbered_tops(most), {}});
  return cases;
}

SourceSubject::SourceSubject(const Ground& ground, const SourceCase& c,
                             const std::filesystem::path& folder)
    : params_owner_(ground.catalogue),
      source_(ground.catalogue.get<dlr_source_type>("source", c.type, {}, ""),
              "create: ", params_owner_.add(layer_of(ground, c, folder)),
              static_cast<uint32_t>(c.tops.size()), kKey),
      arrays_(c.tops.size()) {}

dlr_source_info SourceSubject::info() {
  dlr_source_info info{};
  info.size = sizeof info;
  host::check(source_->describe(source_.self(), &info), "describe: ");
  return info;
}

std::vector<bool> SourceSubject::transforms() {
  std::vector<bool> all;
  for (uint32_t top = 0; top < arrays_.size(); ++top)
    all.push_back(source_->transforms_top(source_.self(), top) != 0);
  return all;
}

Sample SourceSubject::read(uint64_t position) {
  std::fill(arrays_.begin(), arrays_.end(), dlr_array{});
  dlr_item item{sizeof(dlr_item), arrays_.data(), arrays_.size()};
  host::check(source_->read(source_.self(), position, &item), fmt::format("read({}): ", position));
  Sample sample;
  for (std::size_t top = 0; top < arrays_.size(); ++top)
    sample.push_back(keep(arrays_[top], fmt::format("at position {}, top {}", position, top)));
  return sample;
}

}  // namespace dlrun::conform
