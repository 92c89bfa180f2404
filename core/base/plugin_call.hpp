// Which plugin is at work, so that its crash can say so.
#pragma once

#include <string>

namespace dlrun::base {

// While it lives, the calling thread runs a plugin's code. Costs a few stores.
class PluginCall {
 public:
  // What is named must outlive it: "layer 'ip1': ", "forward". `has_helpers`: threads without a
  // call of their own may be at the same work.
  PluginCall(const std::string& subject, const std::string& plugin_file, const char* what,
             bool has_helpers = true);
  ~PluginCall();
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

  const char* const subject;
  const char* const plugin_file;
  const char* const what;

 private:
  bool has_helpers_;
  const PluginCall* outer_;
};

// From now on a crash tells on stderr what was at work, and then ends the process as it would have.
// Where something else looks after crashes already, a sanitizer say, nothing is changed.
void tell_crashes();

}  // namespace dlrun::base
