// Both sides of the helper process that opens an unknown library, so that a bad one takes only the
// helper down.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/fatal_signals.hpp"
#include "core/registry/bytes.hpp"
#include "core/registry/child_process.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::registry {
namespace {

namespace fs = std::filesystem;

// Begins the helper's answer; a manifest or a reason follows.
constexpr std::string_view kMark = "dlrun scan 1\n";
// Set for the helper, so that a program that starts itself as a helper and isn't one can't go on
// for ever.
constexpr const char* kScanning = "DLRUN_SCANNING";

std::string answer_of(const fs::path& library) {
  ByteWriter out;
  try {
    const Manifest manifest = make_manifest(library);
    out.number(1);
    write(out, manifest);
  } catch (const std::exception& error) {
    out = ByteWriter();
    out.number(0);
    out.text(error.what());
  }
  return seal(kMark, out.bytes());
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

// " (it said: ...)": the last line that the library's code wrote before the end.
std::string last_line(const std::string& words) {
  const std::size_t end = words.find_last_not_of("\n ");
  if (end == std::string::npos) return {};
  const std::size_t begin = words.rfind('\n', end);
  const std::size_t first = begin == std::string::npos ? 0 : begin + 1;
  return fmt::format(" (it said: {})", words.substr(first, end + 1 - first));
}

std::string describe_end(const ChildResult& result, std::chrono::milliseconds time_limit) {
  if (result.timed_out) {
    return fmt::format("hung while scanning: no answer within {:g} seconds",
                       static_cast<double>(time_limit.count()) / 1000);
  }
  if (result.signal != 0) {
    return fmt::format("crashed with signal {} ({}) while scanning{}", result.signal,
                       ::strsignal(result.signal), last_line(result.last_words));
  }
  if (result.output.empty()) {
    return fmt::format("ended the process with exit code {} while scanning{}", result.exit_code,
                       last_line(result.last_words));
  }
  return "gave no valid answer while scanning";
}

}  // namespace

Manifest scan_in_helper(const fs::path& library, const ScanHelper& helper) {
  if (std::getenv(kScanning) != nullptr) base::fail_work("not scanned: this is a scan already");
  const fs::path file = fs::absolute(library);
  const ChildResult result =
      run_child({helper.executable.string(), "manifest", "--scan", file.string()},
                {fmt::format("{}=1", kScanning)}, helper.time_limit);
  std::string reason;
  try {
    ByteReader in(open_sealed(kMark, result.output));
    if (in.number() == 1) return read_manifest(in);
    reason = in.text();
  } catch (const base::Error&) {
    reason = describe_end(result, helper.time_limit);
  }
  base::fail_work(reason);
}

void run_scan_helper(const fs::path& library) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // The library's crash ends the helper by its signal, whatever handler (a sanitizer's) there is.
  for (const base::FatalSignal& crash : base::kFatalSignals)
    std::signal(crash.number, SIG_DFL);
  // What the library prints must not mix with the answer.
  const int answer = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  write_all(answer, answer_of(library));
  // No destructor of the library runs.
  ::_exit(0);
}

}  // namespace dlrun::registry
