// Default cases, for a type that has none of its own.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {

// Those that the type can be made with: `make` throws base::Error when it can't. Without any, the
// rule is declined, with the type's own reason; or failed, when that never was the configuration.
template <class Case, class Make>
std::vector<Case> fitting(const std::vector<Case>& defaults, const std::string& rule,
                          const std::string& type, Runner& runner, const Make& make) {
  std::vector<Case> fit;
  std::string why_none;
  bool may_be_the_case = false;  // that no case fits: its configuration was refused
  const auto collect = [&] {
    fit.clear();
    for (const Case& each : defaults) {
      try {
        make(each);
        fit.push_back(each);
      } catch (const base::Error& error) {
        why_none = error.what();
        may_be_the_case = may_be_the_case || error.code() == base::ExitCode::kWrongInput;
      }
    }
  };
  const bool held = runner.check(rule, type + ": cases", [&] {
    collect();
    if (!fit.empty()) return;
    if (!may_be_the_case && !defaults.empty()) fail(why_none, "to be made from a case");
    decline("no default case fits it, give some with --cases: " + why_none);
  });
  if (held && fit.empty()) collect();  // the check was skipped
  return fit;
}

}  // namespace dlrun::conform
