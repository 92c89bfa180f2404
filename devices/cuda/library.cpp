// Opening libraries by dlopen.
#include "library.hpp"

#include <dlfcn.h>

namespace dlrun::cuda {

Library::Library(LibraryKind kind) {
  for (const std::string& path : library_paths(kind)) {
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = path;
      problem_.clear();
      return;
    }
    const char* why = dlerror();  // begins with the name
    if (problem_.empty() && why != nullptr) problem_ = why;
  }
}

void* Library::find(const char* name) {
  if (handle_ == nullptr) return nullptr;
  void* symbol = dlsym(handle_, name);
  if (symbol == nullptr && problem_.empty()) problem_ = path_ + " is too old: it lacks " + name;
  return symbol;
}

}  // namespace dlrun::cuda
