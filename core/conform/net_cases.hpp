// Cases made of a real net: each distinct layer of it in the shapes that it has there, and the
// operators that these layers describe.
#pragma once

#include <vector>

#include "core/conform/device/operator_case.hpp"
#include "core/conform/layer/case.hpp"
#include "core/train/session.hpp"

namespace dlrun::conform {

struct NetCases {
  std::vector<LayerCase> layers;        // by type, parameters and shapes of the bottoms
  std::vector<OperatorCase> operators;  // but those that the formulas would take too long for
};

// The layers of the training net, and those that only its state for testing has. Throws base::Error
// at the place of what is wrong in the file.
NetCases cases_of_net(train::Session& session);

// A net that gives the layer type no case is the user's mistake: throws base::Error.
void require_type(const NetCases& cases, const std::string& layer, const std::string& file);

}  // namespace dlrun::conform
