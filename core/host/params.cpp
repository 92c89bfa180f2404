#include "core/host/params.hpp"

#include <limits>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/host/error.hpp"

namespace dlrun::host {
namespace {

// Reading caches texts and inner messages; the caches belong to the owner, who made them mutable.
dlr_params& mutable_params(const dlr_params* params) {
  return const_cast<dlr_params&>(*params);
}

// An index that no field can have becomes one that is refused.
int to_index(int64_t index) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  return index < 0 || index > kMost ? -1 : static_cast<int>(index);
}

// The text stays where it is once given: others may hold it.
dlr_string keep_text(const dlr_params* params,
                     std::map<std::pair<std::string, int64_t>, std::string>& kept, dlr_string field,
                     int64_t index, std::string text) {
  const std::lock_guard lock(params->owner->mutex());
  return to_abi(
      kept.try_emplace({std::string(from_abi(field)), index}, std::move(text)).first->second);
}

uint8_t has(const dlr_params* params, dlr_string field) {
  uint8_t answer = 0;
  delete guard([&] {
    const std::string_view name = from_abi(field);
    answer = params->node.knows(name) && params->node.has(name) ? 1 : 0;
  });
  return answer;
}

int64_t count(const dlr_params* params, dlr_string field) {
  int64_t answer = 0;
  delete guard([&] {
    const std::string_view name = from_abi(field);
    answer = params->node.knows(name) ? params->node.count(name) : 0;
  });
  return answer;
}

dlr_error* number(const dlr_params* params, dlr_string field, int64_t index, double* out) {
  return guard([&] { *out = params->node.number(from_abi(field), to_index(index)); });
}

dlr_error* integer(const dlr_params* params, dlr_string field, int64_t index, int64_t* out) {
  return guard([&] { *out = params->node.integer(from_abi(field), to_index(index)); });
}

dlr_error* text(const dlr_params* params, dlr_string field, int64_t index, dlr_string* out) {
  return guard([&] {
    *out = keep_text(params, mutable_params(params).texts, field, index,
                     params->node.text(from_abi(field), to_index(index)));
  });
}

dlr_error* message(const dlr_params* params, dlr_string field, int64_t index,
                   const dlr_params** out) {
  return guard([&] {
    const std::lock_guard lock(params->owner->mutex());
    const dlr_params*& inner = mutable_params(params).inner[{std::string(from_abi(field)), index}];
    if (inner == nullptr)
      inner = params->owner->add(params->node.message(from_abi(field), to_index(index)));
    *out = inner;
  });
}

dlr_error* error_at(const dlr_params* params, dlr_string field, uint32_t code, dlr_string message) {
  dlr_error* made = nullptr;
  dlr_error* failed = guard([&] {
    const std::string_view name = from_abi(field);
    const config::Node& node = params->node;
    const base::Location where =
        !name.empty() && node.knows(name) ? node.where(name) : node.where();
    made =
        make_error(code, base::to_prefix(where) + node.subject() + std::string(from_abi(message)));
  });
  return failed != nullptr ? failed : made;
}

dlr_error* path(const dlr_params* params, dlr_string field, int64_t index, dlr_string* out) {
  return guard([&] {
    const std::string_view name = from_abi(field);
    const std::string written = params->node.text(name, to_index(index));
    const base::Location where = params->node.where(name, to_index(index));
    *out = keep_text(params, mutable_params(params).paths, field, index,
                     base::resolve_path(written, where.file).string());
  });
}

}  // namespace

const dlr_params* ParamsOwner::add(const config::Node& node) {
  messages_.push_back({node, this, {}, {}, {}});
  return &messages_.back();
}

const dlr_params_api* params_api() {
  static constexpr dlr_params_api kApi = {
      sizeof(dlr_params_api), has, count, number, integer, text, message, error_at, path};
  return &kApi;
}

}  // namespace dlrun::host
