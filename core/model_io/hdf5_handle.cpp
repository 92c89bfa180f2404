#include "core/model_io/hdf5_handle.hpp"

#include <string_view>

namespace dlrun::model_io {
namespace {

herr_t take_description(unsigned depth, const H5E_error2_t* error, void* result) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(result) = error->desc;
  return 0;
}

}  // namespace

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_description, &reason);
  // Failed system calls come with a list of everything; what a user needs of it stands in quotes.
  constexpr std::string_view kQuoted = "error message = '";
  const size_t quoted = reason.find(kQuoted);
  if (quoted != std::string::npos) {
    const size_t begin = quoted + kQuoted.size();
    return reason.substr(begin, reason.find('\'', begin) - begin);
  }
  return reason.empty() ? "unknown reason" : reason;
}

}  // namespace dlrun::model_io
