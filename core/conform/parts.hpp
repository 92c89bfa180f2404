// The parts of the suite: each is run in a process of its own, over one thing that the plugin
// provides.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/conform/case_text.hpp"
#include "core/conform/device/operator_case.hpp"
#include "core/conform/ground.hpp"
#include "core/conform/layer/case.hpp"
#include "core/conform/runner.hpp"

namespace dlrun::conform {

// The parts for a kind of thing, in the order of the ladder; none for interfaces that aren't
// dlrun's.
std::vector<std::string> parts_of(const std::string& kind);

void check_library(const std::filesystem::path& file, Runner& runner);

// The layer type `only`. Its cases are those of `cases`, or default ones when there are none of it.
void check_layer(const Ground& ground, const std::vector<LayerCase>& cases, const std::string& only,
                 Runner& runner);
void check_layer_case(const Ground& ground, const LayerCase& layer_case, Runner& runner);

// One type of each other kind, with its cases in `texts`, or default ones when there are none.
void check_solver(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner);
void check_source(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner);
void check_schedule(const Ground& ground, const std::string& type,
                    const std::vector<CaseText>& texts, Runner& runner);
void check_filler(const Ground& ground, const std::string& type, const std::vector<CaseText>& texts,
                  Runner& runner);
void check_transform(const Ground& ground, const std::string& type,
                     const std::vector<CaseText>& texts, Runner& runner);
void check_database(const Ground& ground, const std::string& name, Runner& runner);

// The rungs of a device. `host` stands on the host device alone.
void check_device_memory(const dlr_device_type& type, const std::string& name, Runner& runner);
void check_device_kernels(const dlr_device_type& type, const std::string& name, Runner& runner);
void check_device_operators(const dlr_device_type& type, const std::string& name,
                            const std::vector<OperatorCase>& cases, Runner& runner);
// `all_installed`: types without a case too, by default ones.
void check_device_layers(const Ground& ground, const Ground& host, std::vector<LayerCase> cases,
                         bool all_installed, Runner& runner);
void check_device_solvers(const Ground& ground, const Ground& host,
                          const std::vector<CaseText>& texts, Runner& runner);

// One type's numbers on another device than the host's.
void check_layer_on_device(const Ground& ground, const Ground& host,
                           const std::vector<LayerCase>& cases, const std::string& only,
                           Runner& runner);
void check_solver_on_device(const Ground& ground, const Ground& host, const std::string& type,
                            const std::vector<CaseText>& texts, Runner& runner);

}  // namespace dlrun::conform
