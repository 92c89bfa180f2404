#include "core/conform/rules.hpp"

namespace dlrun::conform {

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"A1", "The library opens and describes itself completely."},
      {"A2",
       "`dlrun_plugin_query` gives the same answer each time, and none to a host of another major "
       "version."},
      {"A3", "`dlrun_plugin_query` is the only symbol that the library exports."},
      {"A4", "No threading runtime is linked, but by devices."},
      {"A5",
       "Structs are as large as what is in them, and optional functions come in whole groups."},
      {"A6", "Floating-point control (MXCSR, x87, rounding) stays as it was."},
      {"A7",
       "Loading, query and init leave locale, signal handlers, current folder and file mode mask "
       "alone."},
      {"A8", "Loading, query and init start no thread."},
      {"A9", "init works again after shutdown."},
      {"A10", "No call ends the process."},
      {"A11", "Every call returns within the time limit."},

      {"L1", "Tops get the same shapes each time, without a device."},
      {"L2", "Gradients agree with differences of the objective, in float64."},
      {"L3", "Every element of tops and of wanted gradients is written."},
      {"L4", "backward reads nothing that is declared unneeded."},
      {"L5", "Shared memory, as the facts allow it, changes no bit."},
      {"L6", "per_sample: a sample of a top depends on that sample of the bottoms only."},
      {"L7", "zero_to_zero: zeros in give zeros out."},
      {"L8", "uses_random is declared exactly when another pass gives other values."},
      {"L9",
       "The same inputs, parameters and key give the same bits, unless nondeterministic is "
       "declared."},
      {"L10", "identity_in_test: in phase TEST the top is the bottom."},
      {"L11", "elementwise: an element of a top depends on that element of the bottoms only."},
      {"L12", "float32 agrees with float64."},
      {"L13", "What save_state writes, load_state takes, and saves again."},
      {"L14", "Creating, running and destroying again leaves no memory behind."},

  };
  return table;
}

std::string_view rule_text(std::string_view id) {
  for (const Rule& rule : rules()) {
    if (rule.id == id) return rule.text;
  }
  return {};
}

}  // namespace dlrun::conform
