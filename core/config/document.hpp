// A whole configuration: one message tree over one schema, and the file, line and column of every
// value.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/config/node.hpp"
#include "core/config/place.hpp"
#include "core/config/schema.hpp"

namespace dlrun::config {

class Document : public std::enable_shared_from_this<Document> {
 public:
  Document(std::shared_ptr<const Schema> schema, const std::string& root_type);

  Node root() const;
  const Schema& schema() const { return *schema_; }
  // What was assumed or rewritten and the user should know, as finished lines.
  const std::vector<std::string>& notices() const { return notices_; }

  // The place of value `index` of a field of a message of this document; null when it was not
  // written.
  const Place* place_of(const google::protobuf::Message& message, int field_number,
                        int index) const;

  // For the binder, which fills the document.
  google::protobuf::Message& mutable_root() { return *root_; }
  void set_root_place(const Place& place) { root_place_ = place; }
  void set_place(const google::protobuf::Message& message, int field_number, int index,
                 const Place& place);
  void set_notices(std::vector<std::string> notices) { notices_ = std::move(notices); }

 private:
  struct ValuePlace {
    int field_number;
    int index;
    Place place;
  };

  std::shared_ptr<const Schema> schema_;
  std::unique_ptr<google::protobuf::Message> root_;
  Place root_place_;
  std::unordered_map<const google::protobuf::Message*, std::vector<ValuePlace>> places_;
  std::vector<std::string> notices_;
};

}  // namespace dlrun::config
