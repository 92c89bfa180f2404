// What a layer or solver hands over to the host through its context, watched: rules A5, L15, S9.
#pragma once

#include <dlrun/abi.h>

#include <cstddef>
#include <set>
#include <string>

namespace dlrun::conform {

// The host's table of a context, which tells what passes through it to the Handed that lives.
const dlr_context_api* watched_context();

// One at a time, used by one thread. The plugins must have got watched_context().
class Handed {
 public:
  // `layer`: only what the layer of that name hands over; "": all.
  explicit Handed(std::string layer = {});
  ~Handed();
  Handed(const Handed&) = delete;
  Handed& operator=(const Handed&) = delete;

  void reached(dlr_context* context);
  void launched(dlr_context* context, const dlr_kernel* kernel);
  // The reserved bytes of a struct that was handed over.
  void passed(dlr_context* context, const char* of_struct, const void* reserved, std::size_t bytes);

  // Whether a watched layer gave a top its shape, as all do: else its plugin has another table.
  bool is_reached() const { return is_reached_; }

  // Each throws Failure.
  void require_listed(const dlr_kernel* const* kernels, uint64_t n_kernels) const;
  void require_nothing_reserved() const;

 private:
  bool is_watched(dlr_context* context) const;

  std::string layer_;
  bool is_reached_ = false;
  std::set<const dlr_kernel*> kernels_;
  std::set<std::string> reserved_;  // structs that had something there
};

}  // namespace dlrun::conform
