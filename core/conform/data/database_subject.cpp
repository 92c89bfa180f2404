#include "core/conform/data/database_subject.hpp"

#include "core/host/error.hpp"

namespace dlrun::conform {

using host::check;
using host::to_abi;

DatabaseSubject::DatabaseSubject(const dlr_database_type& type, const std::filesystem::path& path,
                                 bool create)
    : type_(type) {
  check(type_.open(to_abi(path.native()), create ? 1 : 0, &self_), "open: ");
}

DatabaseSubject::~DatabaseSubject() {
  type_.close(self_);
}

uint64_t DatabaseSubject::count() {
  uint64_t count = 0;
  check(type_.count(self_, &count), "count: ");
  return count;
}

void DatabaseSubject::first() {
  check(type_.first(self_), "first: ");
}

std::optional<DatabaseSubject::Entry> DatabaseSubject::next() {
  dlr_string key{};
  dlr_string value{};
  uint8_t at_end = 0;
  check(type_.next(self_, &key, &value, &at_end), "next: ");
  if (at_end != 0) return std::nullopt;
  return Entry{host::from_abi(key), host::from_abi(value)};
}

void DatabaseSubject::put(std::string_view key, std::string_view value) {
  check(type_.put(self_, to_abi(key), to_abi(value)), "put: ");
}

void DatabaseSubject::commit() {
  check(type_.commit(self_), "commit: ");
}

}  // namespace dlrun::conform
