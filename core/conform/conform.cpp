#include "core/conform/conform.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/files.hpp"
#include "core/base/temporary_folder.hpp"
#include "core/conform/case_text.hpp"
#include "core/conform/events.hpp"
#include "core/conform/parts.hpp"
#include "core/registry/child_process.hpp"
#include "core/registry/scan.hpp"

namespace dlrun::conform {
namespace {

using registry::ChildResult;

std::vector<std::string> arguments(const Options& options, const std::string& part,
                                   const std::string& after) {
  std::vector<std::string> words = {registry::this_executable().string(),
                                    "conform",
                                    options.plugin.string(),
                                    "--part",
                                    part,
                                    "--time-limit",
                                    std::to_string(options.seconds)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  if (options.device_index > 0) add("--device-index", std::to_string(options.device_index));
  add("--after", after);
  add("--cases", options.cases);
  add("--from", options.net);
  for (const std::string& assignment : options.overrides)
    add("--set", assignment);
  for (const std::string& plugin : options.plugins.plugins)
    add("--plugin", plugin);
  for (const std::string& folder : options.plugins.plugin_path)
    add("--plugin-path", folder);
  return words;
}

// What is wrong with the author's file is told before anything runs: it is no fault of the plugin.
void require_cases(const Options& options, const registry::Manifest& manifest) {
  if (options.cases.empty()) return;
  const std::vector<CaseText> texts = {{base::read_file(options.cases), options.cases}};
  for (const registry::ProvidedType& type : manifest.provided)
    each_case(texts, type.name,
              [&](const YAML::Node& node, const std::string&) { read_kind_case(type.name, node); });
}

// A net has layers and operators: cases of layers and devices, not of the other kinds.
void require_net_is_of_use(const Options& options, const registry::Manifest& manifest) {
  if (options.net.empty()) return;
  const bool is_of_use =
      std::any_of(manifest.provided.begin(), manifest.provided.end(),
                  [](const auto& type) { return type.kind == "layer" || type.kind == "device"; });
  if (!is_of_use)
    base::fail_input("conform: --from gives cases to layers and devices, and the plugin has none");
}

bool is_failed(const Result& result) {
  return result.verdict == Verdict::kFailed;
}

bool took_too_long(const ChildResult& child) {
  return child.timed_out || child.signal == SIGALRM;
}

// How a process that didn't come to its end broke a rule.
Result describe_end(const ChildResult& child, const Options& options, Result check) {
  check.verdict = Verdict::kFailed;
  const std::string during = check.rule.empty() ? "" : fmt::format(" (checking {})", check.rule);
  if (took_too_long(child)) {
    check.rule = "A11";
    check.found = fmt::format("no answer within {} seconds{}", options.seconds, during);
    check.expected = "an answer; --time-limit gives more time";
    return check;
  }
  check.rule = "A10";
  check.expected = "an error, or success";
  check.found =
      child.signal != 0
          ? fmt::format("signal {} ({}){}", child.signal, ::strsignal(child.signal), during)
          : fmt::format("the process ended with exit code {}{}", child.exit_code, during);
  if (!child.last_words.empty()) check.found += "; it said: " + child.last_words.substr(0, 300);
  return check;
}

// A part goes on in a new process behind a check that crashed; a hang, or the third crash, ends it.
// Whether nothing failed: a rung stands on those below it, so what is broken there isn't told again
// further up.
bool run_part_in_children(const Options& options, const std::string& part,
                          std::vector<Result>& results) {
  const base::TemporaryFolder folder;  // for whatever it makes, should it not come to clean up
  constexpr int kMostProcesses = 3;
  // What a thread's cache of the heap holds passes for used, and would hide small leaks.
  constexpr const char* kWithoutCache = "GLIBC_TUNABLES=glibc.malloc.tcache_count=0";
  // For the part as a whole, should SIGALRM be blocked.
  constexpr int kMostChecks = 60;
  const std::chrono::seconds most_time{int64_t{kMostChecks} * options.seconds};
  std::string after;
  const std::size_t before = results.size();
  for (int i = 0; i < kMostProcesses; ++i) {
    const ChildResult child =
        registry::run_child(arguments(options, part, after),
                            {"TMPDIR=" + folder.path().string(), kWithoutCache}, most_time);
    const Events events = read_events(child.output);
    results.insert(results.end(), events.results.begin(), events.results.end());
    if (events.is_done) break;
    // Before any check only the files of --cases and --from are read.
    if (child.exit_code == static_cast<int>(base::ExitCode::kWrongInput) &&
        events.last_begun.rule.empty())
      base::fail_input(child.last_words.substr(0, child.last_words.find_last_not_of('\n') + 1));
    Result last = events.last_begun;
    if (last.rung.empty())
      last = {part.substr(0, part.find(':')), "", part, Verdict::kFailed, "", ""};
    results.push_back(describe_end(child, options, last));
    if (took_too_long(child) || last.rule.empty()) break;
    after = key_of(last);
  }
  return std::none_of(results.begin() + static_cast<std::ptrdiff_t>(before), results.end(),
                      is_failed);
}

}  // namespace

bool Report::passed() const {
  return std::none_of(results.begin(), results.end(), is_failed);
}

Report run(const Options& options) {
  Report report;
  report.plugin = options.plugin.filename().string();
  run_part_in_children(options, "library", report.results);
  if (!report.passed() &&
      std::any_of(report.results.begin(), report.results.end(),
                  [](const Result& result) {
                    return result.rule == "A1" || result.rule == "A10" || result.rule == "A11";
                  }) &&
      report.results.back().verdict == Verdict::kFailed) {
    return report;  // it can't even be asked what it provides
  }
  const registry::Manifest manifest =
      registry::scan_in_helper(options.plugin, {registry::this_executable()});
  require_net_is_of_use(options, manifest);
  require_cases(options, manifest);
  std::vector<std::string> provides;
  for (const registry::ProvidedType& type : manifest.provided)
    provides.push_back(fmt::format("{} '{}'", type.kind, type.name));
  report.plugin +=
      fmt::format(": {} {}, {}", manifest.id, manifest.version, fmt::join(provides, ", "));
  for (const registry::ProvidedType& type : manifest.provided) {
    bool holds = true;
    for (const std::string& part : parts_of(type.kind)) {
      if (holds) {
        holds = run_part_in_children(options, part + ":" + type.name, report.results);
      } else {
        const std::string rung = part.substr(part.find('-') + 1);
        report.results.push_back(
            {rung, "", type.name, Verdict::kAbsent, "not reached: what is below it failed", ""});
      }
    }
  }
  return report;
}

}  // namespace dlrun::conform
