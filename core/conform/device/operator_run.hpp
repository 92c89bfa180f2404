// One operator, planned on a device, with memory for its arguments: canaries around each, and
// values put in and taken out in plain order whatever layout the plan chose.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/conform/device/operator_case.hpp"
#include "core/conform/raw_device.hpp"
#include "core/conform/values.hpp"

namespace dlrun::conform {

constexpr unsigned char kPoison = 0xFF;  // in each byte: NaN in float32 and float64

// Converts between two layouts of one tensor by the device's own operator `reorder`.
void reorder(RawDevice& device, const dlr_tensor_desc& from_desc, dlr_mem from,
             const dlr_tensor_desc& to_desc, dlr_mem to);
uint64_t layout_bytes(const RawDevice& device, const dlr_tensor_desc& desc);

// Memory that holds NaN, with a canary behind it.
dlr_mem allocate_poisoned(RawDevice& device, uint64_t bytes);
void require_canary(RawDevice& device, dlr_mem mem, uint64_t bytes, const std::string& what);

// The private layouts that a plan chooses for its arguments, without memory for them. Throws
// Declined like OperatorRun.
std::vector<dlr_tensor_desc> planned_layouts(RawDevice& device, const OperatorCase& operator_case,
                                             const OperatorStep& step);

// Calls `use` with the step's description, all layouts open (or plain where the case is).
void with_description(const OperatorCase& operator_case, const OperatorStep& step, uint32_t dtype,
                      const std::function<void(dlr_op_desc&)>& use);

class OperatorRun {
 public:
  // Throws Declined with the device's reason.
  OperatorRun(RawDevice& device, const OperatorCase& operator_case, const OperatorStep& step,
              uint32_t dtype, bool accumulate = false);
  ~OperatorRun();
  // Memory for the arguments and the workspace, other than before; at least once before run().
  void allocate();
  // The output works in place of the input from now on. False when their layouts differ.
  bool put_in_place(int output, int input);
  OperatorRun(const OperatorRun&) = delete;
  OperatorRun& operator=(const OperatorRun&) = delete;

  uint64_t reserve_bytes() const { return reserve_bytes_; }
  bool has_workspace() const { return workspace_bytes_ > 0; }
  bool adds() const { return step_.adds || accumulate_; }

  // Runs on `values`, those of the case's tensors; what it only writes holds NaN before, and each
  // byte of the workspace what is given.
  void run(const std::vector<Values>& values, dlr_mem reserve, unsigned char workspace);
  // What the last run left.
  Values found(int output);
  void require_untouched();      // inputs, and everything around the arguments
  void require_clean_padding();  // of outputs in private layouts
  void require_within_workspace();
  // What the plan chose for each argument.
  std::vector<uint64_t> layouts() const;
  // Each private layout that the plan chose, with its tensor's shape.
  std::vector<dlr_tensor_desc> private_layouts() const;

 private:
  struct Argument {
    int tensor = -1;
    bool is_output = false;
    dlr_tensor_desc desc{};
    uint64_t bytes = 0;
    dlr_mem whole{};
    dlr_mem mem{};
    Bytes before;       // of the whole
    int place_of = -1;  // an argument whose memory it shares
  };

  void plan(uint32_t dtype);
  void plan(dlr_op_desc& desc);
  bool is_overwritten(std::size_t argument) const;
  void put(Argument& argument, const Values& values);
  Values get(const Argument& argument);

  RawDevice& device_;
  const OperatorCase& case_;
  const OperatorStep& step_;
  bool accumulate_;
  dlr_plan* plan_ = nullptr;
  uint64_t workspace_bytes_ = 0;
  uint64_t reserve_bytes_ = 0;
  uint64_t margin_ = 0;
  std::vector<Argument> args_;
  dlr_mem workspace_{};          // the canary follows
  std::vector<dlr_mem> memory_;  // all that was allocated
};

}  // namespace dlrun::conform
