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
    is_made_ = true;
  }
  Instance(Instance&& other) noexcept
      : type_(other.type_), self_(other.self_), is_made_(std::exchange(other.is_made_, false)) {}
  Instance& operator=(Instance&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(self_, other.self_);
    std::swap(is_made_, other.is_made_);
    return *this;
  }
  ~Instance() {
    if (is_made_) type_->destroy(self_);
  }

  void* self() const { return self_; }
  const Type* operator->() const { return type_; }

 private:
  const Type* type_ = nullptr;
  void* self_ = nullptr;
  bool is_made_ = false;  // a plugin's handle may be null
};

}  // namespace dlrun::host
