// The files of sdk/conform, which the build puts into the program: it needs none of them when it
// runs.
#pragma once

namespace dlrun::conform {

extern const char layers_text[];
extern const char operators_text[];
extern const char solvers_text[];
extern const char sources_text[];
extern const char schedules_text[];
extern const char fillers_text[];
extern const char transforms_text[];

}  // namespace dlrun::conform
