// Makes messages of values: the one place where names, types and ranges of a configuration are
// checked.
#pragma once

#include <string>

#include "core/config/document.hpp"
#include "core/config/value.hpp"

namespace dlrun::config {

// A name that the message has no field for; thrown to whoever may know a plugin that adds it.
struct UnknownField {
  const google::protobuf::Descriptor* message;
  std::string field;
  Place place;
  std::string subject;  // "layer 'ip1': " or ""
  const Value* layer;   // the layer that it stands in, or null
};

// Fills the document's root from `root`, a map. Throws base::Error, or UnknownField.
void fill_document(Document& document, const Value& root);

}  // namespace dlrun::config
