// The signals by which a crash ends a process.
#pragma once

#include <array>
#include <csignal>

namespace dlrun::base {

struct FatalSignal {
  int number;
  const char* name;
};
constexpr std::array<FatalSignal, 5> kFatalSignals{{
    {SIGSEGV, "segmentation fault"},
    {SIGBUS, "bus error"},
    {SIGFPE, "arithmetic error"},
    {SIGILL, "illegal instruction"},
    {SIGABRT, "abort"},
}};

}  // namespace dlrun::base
