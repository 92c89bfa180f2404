#include "core/conform/rules.hpp"

namespace dlrun::conform {

const std::vector<Rule>& rules() {
  static const std::vector<Rule> table = {
      {"A1", "The library opens and describes itself completely."},
      {"A2",
       "`dlrun_plugin_query` gives the same answer each time, and none to a host of another major "
       "version."},
      {"A3", "`dlrun_plugin_query` is the only symbol that the library exports."},
      {"A4",
       "No threading runtime is needed, directly or through other libraries, but by devices."},
      {"A5",
       "Structs are as large as what is in them, reserved fields are 0, optional functions come in "
       "whole groups, a launch's arguments are the kernel's; and what should work does."},
      {"A6", "Floating-point control (MXCSR, x87, rounding) stays as it was."},
      {"A7",
       "Loading, query and init leave locale, signal handlers, current folder and file mode mask "
       "alone; so do later calls, but for devices."},
      {"A8",
       "Loading, query and init start no thread; later calls leave none running, but for devices, "
       "sources and databases."},
      {"A9", "init works again after shutdown."},
      {"A10", "No call ends the process."},
      {"A11", "Every call returns within the time limit."},
      {"A12",
       "When a call of the host fails, so does the plugin's; the object and others go on behind "
       "it."},
      {"A13",
       "Objects of one type work in two threads at once, and one in several in turn, as they do "
       "alone."},

      {"D1",
       "count, open, info and close work, several times over; an index beyond count is an error."},
      {"D2", "Memory is aligned as info says, as large as asked for, and overlaps no other."},
      {"D3",
       "Copies arrive, in each direction, at any offset and address, in any length, and touch "
       "nothing else."},
      {"D4", "zero writes zeros to the bytes asked for, at any offset, and touches nothing else."},
      {"D5", "What doesn't fit is refused with DLR_OUT_OF_MEMORY, and the device goes on."},
      {"D6",
       "A stream keeps its order, and synchronize waits for its work, without a stream for that of "
       "all."},
      {"D7",
       "A stream that waits for an event sees what was issued before the mark that it had then."},
      {"D8", "Opening, using and closing again leaves no memory behind."},
      {"D9", "A copy or zero of more bytes than a memory has is an error, and the device goes on."},
      {"D10", "Memories, events and streams end in any order, used or not."},
      {"D11", "Two devices open at once keep apart, each in its own thread."},

      {"K1",
       "Kernels give the numbers of their CPU builds, in each form of the dialect, of many items "
       "too."},
      {"K2", "Kernels honour offsets of their arguments, and write nothing else."},
      {"K3", "The same launch gives the same bits."},
      {"K4", "A kernel that can't be built is an error, and the device goes on."},

      {"O1", "An operator gives the numbers of its formula."},
      {"O2", "What plan accepts, run runs."},
      {"O3", "An operator writes every element of its outputs."},
      {"O4", "beta and an accepted accumulate add to what is there."},
      {"O5", "An operator writes nothing but its outputs, at the offsets given."},
      {"O6", "A run depends on what its arguments hold now, and repeats to the bit."},
      {"O7",
       "What it doesn't know is declined with DLR_UNIMPLEMENTED and a reason: operators, their "
       "attributes and further arguments, element types, fusions."},
      {"O8", "A description that can't be is answered with an error, and the device goes on."},
      {"O9", "A plan is independent of plans made, run or destroyed behind it."},
      {"O10",
       "An operator keeps within its workspace and reserve, and reads nothing there that it didn't "
       "write."},
      {"O11", "With an activation fused behind it, an operator gives the numbers of both."},
      {"O12", "In place of an input, where that may be, an operator gives the same numbers."},

      {"Y1", "From plain to a private layout and back, every bit stays."},
      {"Y2", "Padding of a private layout is zero behind every operation."},
      {"Y3", "layout_bytes is right beyond 4 GiB."},

      {"N1", "A layer gives the numbers of the host device, forward and backward."},
      {"N2", "A layer gives the same when every blob leaves the device between layers."},
      {"N3", "Building and running a net again leaves no memory behind."},
      {"N4", "A solver gives the numbers of the host device."},

      {"L1", "Tops get the same shapes each time, without a device."},
      {"L2", "Gradients agree with differences of the objective, in float64."},
      {"L3", "Every element of tops and of wanted gradients is written."},
      {"L4", "backward reads nothing that is declared unneeded."},
      {"L5", "Shared memory, as the facts allow it, changes no bit."},
      {"L6", "per_sample: a sample of a top depends on that sample of the bottoms only."},
      {"L7", "zero_to_zero: zeros in give zeros out."},
      {"L8",
       "uses_random is declared exactly when another pass gives other values; another seed and "
       "another name of the layer then do so too."},
      {"L9",
       "The same inputs, parameters and key give the same bits, whatever ran before, unless "
       "nondeterministic is "
       "declared."},
      {"L10", "identity_in_test: in phase TEST the top is the bottom."},
      {"L11", "elementwise: an element of a top depends on that element of the bottoms only."},
      {"L12", "float32 agrees with float64."},
      {"L13", "What save_state writes, load_state takes, and saves again."},
      {"L14", "Creating, running and destroying again leaves no memory behind."},
      {"L15", "Every kernel that it launches is in its list."},
      {"L16", "A gradient is the same whichever others are wanted."},

      {"S1", "An update follows the recorded numbers."},
      {"S2", "n_history is the same each time."},
      {"S3", "An update writes its parameter, history and gradient, and nothing else."},
      {"S4",
       "The same parameter, history, gradient, iteration and rate give the same bits, whatever "
       "else is updated."},
      {"S5", "Another instance goes on from the history tensors to the same bits."},
      {"S6", "float32 agrees with float64."},
      {"S7",
       "Parameters of every shape, one element and none included, get finite numbers; elements "
       "that are alike stay so."},
      {"S8", "Creating, updating and destroying again leaves nothing behind."},
      {"S9", "Every kernel that it launches is in its list."},

      {"R1", "describe and transforms_top are the same each time; there is a sample and a batch."},
      {"R2", "A top's arrays keep their element type, and have the bytes that their shapes need."},
      {"R3", "What lies at a position is the same in any order, by any steps, by any instance."},
      {"R4", "Behind length the same samples come again, in the same or another order."},
      {"R5", "A missing file is an error; a damaged one an error or other samples."},
      {"R6", "Creating, reading and destroying again leaves nothing behind."},

      {"B1", "What was put and committed comes back whole, in key order, and count counts it."},
      {"B2", "first goes back to the first entry, from anywhere; the end stays the end."},
      {"B3",
       "A missing database is an error, and so is making one where one is; a damaged one is an "
       "error "
       "or other entries."},
      {"B4", "What was committed is there, and what was put behind it isn't."},
      {"B5", "Several may read at once, and readers leave every file as it is."},
      {"B6", "Writing, reading and closing again leaves nothing behind, nor beside the database."},

      {"C1", "The rates are the recorded ones."},
      {"C2",
       "The rate depends on the iteration alone, whatever was asked before, of any instance."},
      {"C3", "Every rate is a finite number, 0 or more."},
      {"C4", "Creating, asking and destroying again leaves nothing behind."},

      {"F1", "The same parameters, shape and key give the same bits."},
      {"F2", "Another key gives other values exactly when the case calls the filler random."},
      {"F3", "float32 agrees with float64."},
      {"F4", "Every element is written, with a finite number, and nothing else is."},
      {"F5", "Range, mean and variance of the values are those of the case."},
      {"F6", "Filling again leaves nothing behind."},

      {"T1", "The result is the recorded one."},
      {"T2", "shape gives the same each time, and apply writes every element of such a result."},
      {"T3", "The same sample, key and position give the same bits, in any order."},
      {"T4", "The input stays as it is, and nothing beyond the result is written."},
      {"T5", "An input that can't be is an error, and the transform goes on."},
      {"T6", "Creating, applying and destroying again leaves nothing behind."},
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
