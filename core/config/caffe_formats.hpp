// What the file formats of Caffe force on core: the only place in core that names layers and other
// plugins.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "core/config/value.hpp"

namespace dlrun::config {

// Sets the defaults of core's messages that are names of plugins (a filler's type, a solver's
// type).
void add_format_defaults(google::protobuf::FileDescriptorProto& core);

// The solver that trains when none is named.
const std::string& default_solver_type();

// Rewrites what old solvers say: the enum `solver_type` becomes `type`.
void upgrade_solver(Value& solver);
// Adds the schedule that a solver without lr_policy means, and a notice.
void complete_solver(Value& solver, std::vector<std::string>& notices);

// Rewrites a net of any age (V0, V1, `input:` fields, transform fields in data layers) as one of
// today. Every value keeps its place.
void upgrade_net(Value& net, std::vector<std::string>& notices);

// The steps for the layers of a net of the first and the second generation, by the tables below.
void upgrade_v0_layers(Value& net);  // `layers { layer { type: "conv" } }` to V1
void upgrade_v1_layers(Value& net);  // `layers { type: CONVOLUTION }` to `layer { type: ... }`

struct V1Type {
  int number;  // of the enum
  std::string name;
  std::string type;  // today's
};
const std::vector<V1Type>& v1_types();

struct V0Type {
  std::string name;
  std::string v1_name;
};
const std::vector<V0Type>& v0_types();

// Where a parameter of a V0 layer of a type belongs today.
struct V0Field {
  std::string name;
  std::string v0_type;  // "" for all types
  std::string message;  // "" for the layer itself
  std::string field;
};
const std::vector<V0Field>& v0_fields();

// The V0 layer that only pads the input of the next one, whose types it may be followed by.
bool is_v0_padding(const std::string& v0_type);
bool takes_v0_padding(const std::string& v0_type);

}  // namespace dlrun::config
