#include "core/config/document.hpp"

#include <utility>

namespace dlrun::config {

Document::Document(std::shared_ptr<const Schema> schema, const std::string& root_type)
    : schema_(std::move(schema)), root_(schema_->make(root_type)) {}

Node Document::root() const {
  return Node(shared_from_this(), *root_, nullptr, root_place_);
}

const Place* Document::place_of(const google::protobuf::Message& message, int field_number,
                                int index) const {
  const auto found = places_.find(&message);
  if (found == places_.end()) return nullptr;
  for (const ValuePlace& value : found->second) {
    if (value.field_number == field_number && value.index == index) return &value.place;
  }
  return nullptr;
}

void Document::set_place(const google::protobuf::Message& message, int field_number, int index,
                         const Place& place) {
  places_[&message].push_back({field_number, index, place});
}

}  // namespace dlrun::config
