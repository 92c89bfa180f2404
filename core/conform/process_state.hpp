// The state of the process that a plugin must leave alone.
#pragma once

#include <cstdint>
#include <string>

namespace dlrun::conform {

// Rounding, flushing of tiny numbers and traps; status flags are left out.
struct FloatControl {
  std::uint32_t vector = 0;  // MXCSR, or FPCR
  std::uint32_t x87 = 0;
  bool operator==(const FloatControl&) const = default;
};
FloatControl float_control();
void set_float_control(const FloatControl& control);
std::string to_text(const FloatControl& control);

// Locale, current folder, file mode mask and the handler of every signal, as one text to compare.
std::string process_settings();

// How many threads the process has.
int count_threads();
// The same; when there are more than `expected`, gives those that are ending a moment for it.
int count_threads_beyond(int expected);
// How many files (and pipes, and sockets) it has open.
int count_open_files();

}  // namespace dlrun::conform
