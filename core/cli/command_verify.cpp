// `dlrun verify`.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/plugin_call.hpp"
#include "core/cli/commands.hpp"
#include "core/cli/session_options.hpp"
#include "core/train/verify.hpp"

namespace dlrun::cli {
namespace {

struct Options {
  train::SessionOptions session;
  train::VerifyOptions verify;
  bool json = false;
};

void print_json(const train::VerifyResult& result) {
  nlohmann::json rows = nlohmann::json::array();
  for (const train::VerifyRow& row : result.rows) {
    rows.push_back({{"dataset", row.dataset},
                    {"worst", row.worst},
                    {"allowed", row.allowed},
                    {"passed", row.passed},
                    {"problem", row.problem}});
  }
  fmt::print(
      "{}\n",
      nlohmann::json{{"passed", result.passed()}, {"rows", rows}, {"placement", result.placement}}
          .dump(2));
}

void print_table(const train::VerifyResult& result) {
  size_t widest = 7;
  for (const train::VerifyRow& row : result.rows)
    widest = std::max(widest, row.dataset.size());
  for (const train::VerifyRow& row : result.rows) {
    if (!row.problem.empty()) {
      fmt::print("{:<{}}  FAILED  {}\n", row.dataset, widest, row.problem);
    } else {
      fmt::print("{:<{}}  {}  largest error {:.3g}, allowed {:.3g}\n", row.dataset, widest,
                 row.passed ? "ok    " : "FAILED", row.worst, row.allowed);
    }
  }
  for (const std::string& line : result.placement)
    fmt::print("{}\n", line);
}

}  // namespace

Command add_verify_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("verify", "Compare a net's numbers with recorded ones");
  auto options = std::make_shared<Options>();
  add_session_options(*command, options->session, "net (or job) to run");
  command->add_option("--against", options->verify.file, "HDF5 file of inputs and expected values")
      ->required()
      ->type_name("FILE.h5");
  command->add_option("--atol", options->verify.absolute_tolerance, "absolute tolerance")
      ->capture_default_str();
  command
      ->add_option("--rtol", options->verify.relative_tolerance,
                   "tolerance relative to a dataset's largest value")
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  command->footer("Example:\n  dlrun verify conv.prototxt --against conv.h5 --device cpu");
  return [options] {
    base::tell_crashes();
    train::Session session(options->session);
    const train::VerifyResult result = train::verify(session, options->verify);
    options->json ? print_json(result) : print_table(result);
    return result.passed() ? 0 : 1;
  };
}

}  // namespace dlrun::cli
