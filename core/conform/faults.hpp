// A host whose calls can be made to fail, one at a time: what a plugin makes of that.
#pragma once

#include <dlrun/abi.h>

#include <functional>

namespace dlrun::conform {

// The host's table, but for calls that can fail: those do when a check wants it. What goes through
// a context is watched (handed.hpp).
const dlr_host* faulty_host();
// What a layer's save_state writes to: takes all, and fails like a call of the host.
dlr_error* faulty_write(void* sink, dlr_string bytes);

// `round` makes objects of the plugin, uses and destroys them; it throws base::Error for the
// plugin's errors. Runs it with each call of the host that can fail failing once, in turn. Throws
// Failure when the plugin says nothing, or doesn't work afterwards, or keeps memory; Declined when
// there is no such call.
void require_errors_returned(const std::function<void()>& round);

// Within a round: a use of an object. Should it fail, the same object is used the same way once
// more, which must succeed (else Failure); then the first error is thrown.
void use(const std::function<void()>& body);

}  // namespace dlrun::conform
