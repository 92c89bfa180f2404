// Compares a net's numbers with recorded ones: `dlrun verify`.
#pragma once

#include <string>
#include <vector>

#include "core/train/session.hpp"

namespace dlrun::train {

struct VerifyOptions {
  std::string file;  // HDF5, as docs/commands.md describes it
  double absolute_tolerance = 1e-5;
  double relative_tolerance = 1e-4;  // of the dataset's largest absolute value
};

struct VerifyRow {
  std::string dataset;
  double worst = 0;  // largest |a - b|
  double allowed = 0;
  bool passed = false;
  std::string problem;  // why it couldn't be compared, or empty
};

struct VerifyResult {
  std::vector<VerifyRow> rows;
  std::vector<std::string> placement;
  bool passed() const;
};

VerifyResult verify(Session& session, const VerifyOptions& options);

}  // namespace dlrun::train
