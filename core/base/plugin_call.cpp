#include "core/base/plugin_call.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/base/fatal_signals.hpp"

namespace dlrun::base {
namespace {

thread_local const PluginCall* here = nullptr;
std::atomic<const PluginCall*> of_helpers{nullptr};  // the latest call of any thread that has some

// A line that is put together as a signal handler may: without memory or locks.
class Line {
 public:
  Line& operator<<(const char* text) {
    const size_t length = std::min(std::strlen(text), sizeof text_ - length_);
    std::memcpy(text_ + length_, text, length);
    length_ += length;
    return *this;
  }
  void write() const {
    if (::write(STDERR_FILENO, text_, length_) < 0) return;  // nobody is left to be told
  }

 private:
  char text_[2048];
  size_t length_ = 0;
};

const char* name_of(int signal) {
  for (const FatalSignal& each : kFatalSignals) {
    if (each.number == signal) return each.name;
  }
  return "a fatal signal";
}

void tell(int signal) {
  Line line;
  const PluginCall* call = here;
  if (call != nullptr) {
    line << call->subject << "crashed in " << call->what << " (" << name_of(signal)
         << "), in the plugin " << call->plugin_file << " or in what it called\n";
  } else if (call = of_helpers.load(std::memory_order_relaxed); call != nullptr) {
    line << call->subject << "a thread crashed (" << name_of(signal) << ") while it was in "
         << call->what << ", in the plugin " << call->plugin_file << " or elsewhere\n";
  } else {
    line << "dlrun crashed (" << name_of(signal) << "), or a plugin or device that it uses\n";
  }
  line.write();
}

// Only one thread's crash is told, though all helpers may meet it at once; the others wait for the
// end. Behind the handler the fault comes again, or the signal is sent again, with its usual
// action.
void on_crash(int signal, siginfo_t* info, void*) {
  static std::atomic_flag is_told = ATOMIC_FLAG_INIT;
  if (is_told.test_and_set()) {
    while (true)
      ::pause();
  }
  const bool is_fault = info->si_code > 0;
  const bool is_sent_by_others = !is_fault && info->si_pid != ::getpid();
  if (!is_sent_by_others) tell(signal);
  for (const FatalSignal& each : kFatalSignals)
    std::signal(each.number, SIG_DFL);
  if (!is_fault) ::raise(signal);
}

}  // namespace

PluginCall::PluginCall(const std::string& subject, const std::string& plugin_file, const char* what,
                       bool has_helpers)
    : subject(subject.c_str()),
      plugin_file(plugin_file.c_str()),
      what(what),
      has_helpers_(has_helpers),
      outer_(here) {
  here = this;
  if (has_helpers_) of_helpers.store(this, std::memory_order_relaxed);
}

PluginCall::~PluginCall() {
  here = outer_;
  if (has_helpers_) of_helpers.store(outer_, std::memory_order_relaxed);
}

void tell_crashes() {
  bool any = false;
  for (const FatalSignal& each : kFatalSignals) {
    struct sigaction action {};
    if (::sigaction(each.number, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    any = ::sigaction(each.number, &action, nullptr) == 0 || any;
  }
  // A stack of its own, for when this thread's is full.
  static char stack[65536];
  stack_t alternate{};
  if (!any || ::sigaltstack(nullptr, &alternate) != 0 || (alternate.ss_flags & SS_DISABLE) == 0)
    return;
  alternate = {};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  ::sigaltstack(&alternate, nullptr);
}

}  // namespace dlrun::base
