// The one exception type of core: a message for a user, where it belongs, and the exit code it
// leads to.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace dlrun::base {

// A place in a text file, 1-based; line 0 means "the file as a whole", an empty file means "no
// file".
struct Location {
  std::string file;
  int line = 0;
  int column = 0;
};

// "lenet.yaml:14:9: " , "lenet.yaml: " or "".
std::string to_prefix(const Location& where);

enum class ExitCode {
  kWorkFailed = 1,  // the files were understood, the work could not be done
  kWrongInput = 2,  // the command line or a configuration is wrong
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const Location& where, std::string_view message);

  ExitCode code() const { return code_; }
  const Location& where() const { return where_; }

 private:
  ExitCode code_;
  Location where_;
};

// Errors in what the user wrote (exit code 2) and errors in doing it (exit code 1).
[[noreturn]] void fail_input(const Location& where, std::string_view message);
[[noreturn]] void fail_input(std::string_view message);
[[noreturn]] void fail_work(const Location& where, std::string_view message);
[[noreturn]] void fail_work(std::string_view message);

}  // namespace dlrun::base
