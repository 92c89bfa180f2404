// An object that a plugin made, destroyed by the same plugin.
#pragma once

#include <string_view>
#include <utility>

#include "core/host/error.hpp"

namespace dlrun::host {

// `Type` is one of abi.h's tables with create(..., void** self) and destroy(self).
template <class Type>
class Instance {
 public:
  Instance() = default;
  // Throws base::Error, with `subject` before its message, when the plugin refuses.
  template <class... Args>
  Instance(const Type& type, std::string_view subject, Args... args) : type_(&type) {
    check(type.create(args..., &self_), subject);
  }
  Instance(Instance&& other) noexcept
      : type_(other.type_), self_(std::exchange(other.self_, nullptr)) {}
  Instance& operator=(Instance&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(self_, other.self_);
    return *this;
  }
  ~Instance() {
    if (self_ != nullptr) type_->destroy(self_);
  }

  void* self() const { return self_; }
  const Type* operator->() const { return type_; }

 private:
  const Type* type_ = nullptr;
  void* self_ = nullptr;
};

}  // namespace dlrun::host
