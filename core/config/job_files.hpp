// From files to one value: the job, with the nets that it names read in, upgraded and overridden.
#pragma once

#include <string>
#include <vector>

#include "core/config/schema.hpp"
#include "core/config/value.hpp"

namespace dlrun::config {

// A JobParameter as a value: `solver`, `net` or `train_net`, `test_net` are groups of parameters,
// never paths, and the solver names no nets any more.
struct JobValue {
  Value root;
  std::vector<std::string> notices;
};
JobValue read_job_value(const std::string& text, const std::string& file,
                        const std::vector<std::string>& overrides);

// The root as JobParameter has it, before any net is read; overrides of nets are left out.
Value read_job_root(const std::string& text, const std::string& file,
                    const std::vector<std::string>& overrides);

// The names that a job uses, found without a schema: for fillers it may name too much.
std::vector<UsedName> used_names(const Value& root);

}  // namespace dlrun::config
