// `dlrun conform`.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/plugin_options.hpp"
#include "core/conform/conform.hpp"
#include "core/conform/events.hpp"
#include "core/conform/rules.hpp"

namespace dlrun::cli {
namespace {

using conform::Result;
using conform::Verdict;
using nlohmann::json;

// One step of the ladder, summed up.
struct Rung {
  std::string name;
  int passed = 0;
  int failed = 0;
  int declined = 0;
  std::map<std::string, int> reasons;  // of declined and absent
};

std::vector<Rung> ladder(const std::vector<Result>& results) {
  std::vector<Rung> rungs;
  for (const Result& result : results) {
    auto rung = std::find_if(rungs.begin(), rungs.end(),
                             [&](const Rung& each) { return each.name == result.rung; });
    if (rung == rungs.end()) rung = rungs.insert(rungs.end(), Rung{result.rung, 0, 0, 0, {}});
    rung->passed += result.verdict == Verdict::kPassed;
    rung->failed += result.verdict == Verdict::kFailed;
    rung->declined += result.verdict == Verdict::kDeclined;
    if (result.verdict == Verdict::kDeclined || result.verdict == Verdict::kAbsent)
      ++rung->reasons[result.found];
  }
  return rungs;
}

std::string verdict_of(const Rung& rung) {
  if (rung.failed > 0) return "failed";
  if (rung.passed > 0) return "passed";
  return rung.declined > 0 ? "declined" : "absent";
}

void print_rung(const Rung& rung) {
  fmt::print("  {:<10} {:<9}", rung.name, verdict_of(rung));
  if (rung.passed > 0) fmt::print(" {} passed", rung.passed);
  if (rung.failed > 0) fmt::print(" {} failed", rung.failed);
  if (rung.declined > 0) fmt::print(" {} declined", rung.declined);
  fmt::print("\n");
  for (const auto& [reason, count] : rung.reasons)
    fmt::print("             {} {}\n", count > 1 ? fmt::format("{} x", count) : "-", reason);
}

void print_report(const conform::Report& report) {
  fmt::print("{}\n", report.plugin);
  for (const Rung& rung : ladder(report.results))
    print_rung(rung);
  for (const Result& result : report.results) {
    if (result.verdict != Verdict::kFailed) continue;
    fmt::print("\nFAILED {}  {}\n  {}\n  found:    {}\n  expected: {}\n", result.rule, result.name,
               conform::rule_text(result.rule), result.found, result.expected);
  }
}

void print_json(const conform::Report& report) {
  json rungs = json::array();
  for (const Rung& rung : ladder(report.results)) {
    rungs.push_back({{"rung", rung.name},
                     {"verdict", verdict_of(rung)},
                     {"passed", rung.passed},
                     {"failed", rung.failed},
                     {"declined", rung.declined},
                     {"reasons", rung.reasons}});
  }
  json checks = json::array();
  json failures = json::array();
  for (const Result& result : report.results) {
    checks.push_back({{"rung", result.rung},
                      {"rule", result.rule},
                      {"case", result.name},
                      {"verdict", conform::to_text(result.verdict)}});
    if (result.verdict != Verdict::kFailed) {
      if (!result.found.empty()) checks.back()["reason"] = result.found;
      continue;
    }
    failures.push_back({{"rule", result.rule},
                        {"text", conform::rule_text(result.rule)},
                        {"rung", result.rung},
                        {"case", result.name},
                        {"found", result.found},
                        {"expected", result.expected}});
  }
  const json whole = {{"plugin", report.plugin},
                      {"passed", report.passed()},
                      {"ladder", rungs},
                      {"failures", failures},
                      {"checks", checks}};
  fmt::print("{}\n", whole.dump(2, ' ', false, json::error_handler_t::replace));
}

void print_rules() {
  for (const conform::Rule& rule : conform::rules())
    fmt::print("{:<4} {}\n", rule.id, rule.text);
}

struct Words {
  conform::Options options;
  std::string plugin;
  std::string part;
  std::string after;
  bool as_json = false;
  bool rules = false;
};

int conform_plugin(Words& words) {
  if (words.rules) {
    print_rules();
    return 0;
  }
  if (words.plugin.empty())
    base::fail_input("conform: which plugin? e.g. dlrun conform build/layer_swish.so");
  words.options.plugin = std::filesystem::absolute(words.plugin);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(words.options.plugin, ignored))
    base::fail_input({words.plugin, 0, 0},
                     std::filesystem::is_directory(words.options.plugin, ignored)
                         ? "is a folder, expected a plugin's library in it"
                         : "no such file");
  if (!words.part.empty()) conform::run_part(words.options, words.part, words.after);
  for (const std::string& file : {words.options.cases, words.options.net}) {
    if (!file.empty() && !std::filesystem::is_regular_file(file, ignored))
      base::fail_input({file, 0, 0}, "no such file");
  }
  if (words.options.seconds == 0)
    base::fail_input("conform: --time-limit is 0, expected at least 1");
  if (words.options.net.empty() && !words.options.overrides.empty())
    base::fail_input("conform: --set changes the net of --from, which isn't given");
  const conform::Report report = conform::run(words.options);
  words.as_json ? print_json(report) : print_report(report);
  return report.passed() ? 0 : 1;
}

}  // namespace

Command add_conform_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("conform", "Check a plugin against every rule of its interface");
  auto words = std::make_shared<Words>();
  command->add_option("PLUGIN", words->plugin, "the plugin's library")->type_name("FILE.so");
  command
      ->add_option("--cases", words->options.cases,
                   "further cases, by type, as in share/dlrun/conform/*.yaml")
      ->type_name("FILE.yaml");
  command
      ->add_option("--from", words->options.net,
                   "a net or job: check with its layers, in its shapes, instead of the cases that "
                   "come with dlrun")
      ->type_name("MODEL");
  command
      ->add_option("--set", words->options.overrides,
                   "override a value of --from, e.g. a batch size")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  command->add_option("--device-index", words->options.device_index,
                      "which of a plugin's devices to check: 1 for opencl:1");
  command->add_option("--time-limit", words->options.seconds, "seconds for one check")
      ->capture_default_str();
  command->add_flag("--json", words->as_json, "print JSON");
  command->add_flag("--rules", words->rules, "list the rules");
  command->add_option("--part", words->part, "run one part in this process (how dlrun asks itself)")
      ->group("");
  command->add_option("--after", words->after, "the check to go on behind")->group("");
  add_plugin_options(*command, words->options.plugins);
  command->footer(
      "Examples:\n"
      "  dlrun conform build/layer_swish.so\n"
      "  dlrun conform device_mine.so --from models/alexnet/deploy.prototxt \\\n"
      "    --set 'net.layer[data].input_param.shape.dim=[2, 3, 227, 227]'");
  return [words] { return conform_plugin(*words); };
}

}  // namespace dlrun::cli
