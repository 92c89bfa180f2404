// Which plugin is at work, so that its crash can say so.
#pragma once

#include <string>

namespace dlrun::base {

// While it lives, the calling thread runs a plugin's code. Costs a few stores.
class PluginCall {
 public:
  // What is named must outlive it: "layer 'ip1': ", "forward". Threads that help the caller are at
  // the same work; the reader of a source has none.
  PluginCall(const std::string& subject, const std::string& plugin_file, const char* what,
             bool has_helpers = true);
  ~PluginCall();
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

 private:
  friend void on_crash(int signal);

  const char* subject_;
  const char* plugin_file_;
  const char* what_;
  bool has_helpers_;
  const PluginCall* outer_;
};

// From now on a crash tells on stderr what was at work, and then ends the process as it would have.
// Where something else looks after crashes already, a sanitizer say, nothing is changed.
void tell_crashes();

}  // namespace dlrun::base
