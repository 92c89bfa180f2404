// NVIDIA's libraries, opened when they are needed: dlrun runs on machines that have none of them.
#pragma once

#include <string>
#include <vector>

namespace dlrun::cuda {

enum class LibraryKind { kDriver, kNvrtc, kBlas, kDnn };

// Where a library is looked for, in this order: names for the system's search, or whole paths.
std::vector<std::string> library_paths(LibraryKind kind);

// One of them, opened for as long as the process lives, as the driver asks for.
class Library {
 public:
  explicit Library(LibraryKind kind);

  // Why it can't be used; empty when it can.
  const std::string& problem() const { return problem_; }
  // Fills in a function by its exported name; notes a problem when the library has none such.
  template <class Function>
  void load(Function& function, const char* name) {
    function = reinterpret_cast<Function>(find(name));
  }

 private:
  void* find(const char* name);

  std::string path_;
  std::string problem_;
  void* handle_ = nullptr;
};

}  // namespace dlrun::cuda
