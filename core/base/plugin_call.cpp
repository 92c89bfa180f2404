#include "core/base/plugin_call.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>

namespace dlrun::base {
namespace {

struct Crash {
  int signal;
  const char* name;
};
constexpr std::array<Crash, 5> kCrashes{{
    {SIGSEGV, "segmentation fault"},
    {SIGBUS, "bus error"},
    {SIGFPE, "arithmetic error"},
    {SIGILL, "illegal instruction"},
    {SIGABRT, "abort"},
}};

thread_local const PluginCall* here = nullptr;
std::atomic<const PluginCall*> of_helpers{nullptr};  // the latest call of any thread that has some

// As a signal handler may: without memory or locks.
void tell(const char* text) {
  size_t left = std::strlen(text);
  while (left > 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, left);
    if (written <= 0) return;
    text += written;
    left -= static_cast<size_t>(written);
  }
}

}  // namespace

PluginCall::PluginCall(const std::string& subject, const std::string& plugin_file, const char* what,
                       bool has_helpers)
    : subject_(subject.c_str()),
      plugin_file_(plugin_file.c_str()),
      what_(what),
      has_helpers_(has_helpers),
      outer_(here) {
  here = this;
  if (has_helpers_) of_helpers.store(this, std::memory_order_relaxed);
}

PluginCall::~PluginCall() {
  here = outer_;
  if (has_helpers_) of_helpers.store(outer_, std::memory_order_relaxed);
}

// The signal's own action is in place again, and follows.
void on_crash(int signal) {
  const char* name = "a fatal signal";
  for (const Crash& crash : kCrashes) {
    if (crash.signal == signal) name = crash.name;
  }
  const PluginCall* call = here != nullptr ? here : of_helpers.load(std::memory_order_relaxed);
  if (call != nullptr) {
    tell(call->subject_);
    tell("crashed in ");
    tell(call->what_);
    tell(" (");
    tell(name);
    tell("), in the plugin ");
    tell(call->plugin_file_);
    tell(" or in what it called\n");
  } else {
    tell("dlrun crashed (");
    tell(name);
    tell(")\n");
  }
  ::raise(signal);
}

void tell_crashes() {
  // A stack of its own, for a thread whose stack is full.
  static std::array<char, 65536> stack;
  stack_t alternate{};
  alternate.ss_sp = stack.data();
  alternate.ss_size = stack.size();
  ::sigaltstack(&alternate, nullptr);
  for (const Crash& crash : kCrashes) {
    struct sigaction action {};
    if (::sigaction(crash.signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK | SA_NODEFER);
    ::sigaction(crash.signal, &action, nullptr);
  }
}

}  // namespace dlrun::base
