// What a layer or solver hands over to the host through its context, watched: rules A5, L15, S9.
#pragma once

#include <set>
#include <string>

#include "core/net/layer_node.hpp"

namespace dlrun::conform {

class Handed : public net::ContextObserver {
 public:
  // `layer`: only what the layer of that name hands over.
  explicit Handed(std::string layer = {}) : layer_(std::move(layer)) {}
  void launched(const dlr_context& context, const dlr_kernel& kernel) override;
  void reserved_set(const dlr_context& context, const char* of_struct) override;

  // Each throws Failure.
  void require_listed(const dlr_kernel* const* kernels, uint64_t n_kernels) const;
  void require_nothing_reserved() const;

 private:
  bool is_watched(const dlr_context& context) const;

  std::string layer_;
  std::set<const dlr_kernel*> kernels_;
  std::set<std::string> reserved_;
};

}  // namespace dlrun::conform
