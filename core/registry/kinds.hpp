// The kinds of things that plugins provide and core calls: their interface ids and what each must
// have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dlrun::registry {

// "layer" for "dlrun.layer/1", "com.acme.tracing" for "com.acme.tracing/2".
std::string kind_of(std::string_view interface_id);

// The interface that this host calls for a kind: "dlrun.layer/1"; "" for kinds that core doesn't
// call.
std::string_view interface_of(std::string_view kind);

// All kinds that core calls, in the order in which they are listed.
std::vector<std::string> known_kinds();

// "" when the struct has all that the interface requires, or what it lacks: "has no function
// 'create'". Of interfaces that core doesn't call nothing is asked.
std::string check_type(std::string_view interface_id, const void* type);

}  // namespace dlrun::registry
