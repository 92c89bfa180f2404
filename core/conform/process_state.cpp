#include "core/conform/process_state.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cfenv>
#include <chrono>
#include <clocale>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace dlrun::conform {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kStatusFlags = 0x3F;  // of MXCSR: what happened, not how to compute
#endif

// "" for the usual one, and for signals that can't be asked for.
std::string handler_of(int number) {
  struct sigaction action {};
  if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_DFL) return "";
  return fmt::format("{:x}/{:x}", reinterpret_cast<std::uintptr_t>(action.sa_handler),
                     static_cast<unsigned>(action.sa_flags));
}

}  // namespace

#if defined(__x86_64__)
FloatControl float_control() {
  std::uint16_t word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return {_mm_getcsr() & ~kStatusFlags, word};
}

void set_float_control(const FloatControl& control) {
  const auto word = static_cast<std::uint16_t>(control.x87);
  __asm__ volatile("fldcw %0" : : "m"(word));
  _mm_setcsr(control.vector);
}
#else
// Elsewhere the rounding mode is what can be asked for.
FloatControl float_control() {
  return {static_cast<std::uint32_t>(std::fegetround()), 0};
}

void set_float_control(const FloatControl& control) {
  std::fesetround(static_cast<int>(control.vector));
}
#endif

std::string to_text(const FloatControl& control) {
  return fmt::format("vector control {:#x}, x87 control {:#x}", control.vector, control.x87);
}

std::string process_settings() {
  std::error_code ignored;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  const char* locale = std::setlocale(LC_ALL, nullptr);
  std::string settings =
      fmt::format("locale {}, folder {}, file mode mask {:o}", locale == nullptr ? "" : locale,
                  std::filesystem::current_path(ignored).string(), mask);
  for (int number = 1; number < NSIG; ++number) {
    const std::string handler = handler_of(number);
    if (!handler.empty()) settings += fmt::format(", handler of signal {}: {}", number, handler);
  }
  return settings;
}

namespace {

int count_entries(const char* folder) {
  std::error_code ignored;
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder, ignored),
                                        std::filesystem::directory_iterator()));
}

}  // namespace

int count_threads() {
  return count_entries("/proc/self/task");
}

int count_threads_beyond(int expected) {
  constexpr int kMostWaits = 100;
  int now = count_threads();
  for (int i = 0; i < kMostWaits && now > expected; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    now = count_threads();
  }
  return now;
}

int count_open_files() {
  return count_entries("/proc/self/fd");
}

}  // namespace dlrun::conform
