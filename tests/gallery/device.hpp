// What both halves of the gallery's device share: its mistakes, its objects, its streams.
#pragma once

#include <dlrun/device.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

enum Defect {
  none,
  wrong_numbers,
  plans_too_much,
  missing_wait,
  beta_ignored,
  stale_cache,
  copies_backwards,
  wraps_at_32_bits,
  missing_direction,
  dirty_padding,
  leaks,
  crashes,
  hangs,
  sets_reserved,
  leaks_pages,
  leaks_plans,
  copies_beyond,
  spoils_youngest,
  shares_memory,
  plans_malformed,
  plans_share_shape,
  overruns_workspace,
  trusts_workspace,
  flushes_while_running,
  opens_anything,
  overlaps,
  zeroes_from_start,
  out_of_memory_unsaid,
  zeroes_at_once,
  spoils_input,
  ignores_fusions,
  fusion_forgets_slope,
  ignores_attributes,
  ignores_arguments,
  reorders_lossy,
  clears_in_place,
  keeps_addresses,
  caches_by_shape,
  drops_long_sums,
  leaks_at_declines,
  waits_for_one_stream,
  waits_for_the_new_mark,
  drops_bits_of_offsets,
  drops_bits_of_addresses,
  drops_bits_when_zeroing,
  copies_within_one_buffer,
};
inline constexpr Defect kDefect = DEFECT;
inline constexpr uint64_t kRowsOfFour = 4;  // the private layout

struct dlr_stream {
  std::deque<std::function<bool()>> work;  // false: not yet
};
struct dlr_event {
  std::shared_ptr<bool> reached;
};
struct dlr_device {
  std::map<uint64_t, std::vector<char>> memory;
  uint64_t next_handle = 1;
  std::vector<dlr_stream*> streams;
};
struct dlr_plan {
  std::string op;
  std::vector<dlrun::Shape> shapes;
  std::vector<uint64_t> layouts;
  bool transpose_a = false, transpose_b = false, has_bias = false;
  float alpha = 1, beta = 0, slope = 0;
  bool relu_behind = false;
  std::vector<dlr_mem> mems;                     // keeps_addresses: of the first run
  std::map<uint64_t, std::vector<float>> cache;  // stale_cache: weights by handle
};

namespace gallery {

float* floats(dlr_device* device, const dlr_mem& mem);

// Runs in its turn on the stream; at once, when there is none.
dlr_error* issue(dlr_device* device, dlr_stream* stream, std::function<void()> body);

// Sets the functions of operators and layouts.
void add_operators(dlr_device_type& type);

}  // namespace gallery
