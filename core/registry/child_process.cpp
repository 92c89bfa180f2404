#include "core/registry/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/base/error.hpp"

namespace dlrun::registry {
namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) {
      base::fail_work(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    }
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    ::close(ends_[0]);
    close_write_end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write_end() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

  // Appends what is there to `text` and keeps at most its last `most` bytes; false at the end.
  bool drain(std::string& text, std::size_t most) const {
    std::array<char, 1 << 14> piece;
    for (;;) {
      const ssize_t n = ::read(ends_[0], piece.data(), piece.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 && errno == EAGAIN;
      text.append(piece.data(), static_cast<std::size_t>(n));
      if (text.size() > most) text.erase(0, text.size() - most);
    }
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(std::vector<std::string> arguments, std::vector<std::string> environment,
            const Pipe& output, const Pipe& errors) {
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.write_end(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors.write_end(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int trouble = ::posix_spawn(&child, arguments.front().c_str(), &actions, &attributes,
                                    pointers(arguments).data(), pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (trouble != 0) {
    base::fail_work(
        fmt::format("cannot start '{}': {}", arguments.front(), std::strerror(trouble)));
  }
  return child;
}

// Reads both pipes until the child has ended or time is up; gives its status, or -1 when it had to
// be killed.
int wait_for(pid_t child, const Pipe& output, const Pipe& errors, Clock::time_point deadline,
             ChildResult& result) {
  constexpr std::size_t kMostOutput = 256u << 20;
  constexpr std::size_t kMostErrors = 4096;
  // A process that the child leaves behind may hold the pipes open, so their end isn't waited for;
  // and a child may close them early, so it is looked for at least this often.
  constexpr int kTickMilliseconds = 20;
  std::array<pollfd, 2> polled = {pollfd{output.read_end(), POLLIN, 0},
                                  pollfd{errors.read_end(), POLLIN, 0}};
  for (;;) {
    ::poll(polled.data(), polled.size(), kTickMilliseconds);
    int status = 0;
    const bool ended = ::waitpid(child, &status, WNOHANG) == child;
    if (!output.drain(result.output, kMostOutput)) polled[0].fd = -1;
    if (!errors.drain(result.last_words, kMostErrors)) polled[1].fd = -1;
    if (ended) return status;
    if (Clock::now() >= deadline) return -1;
  }
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment,
                      std::chrono::milliseconds time_limit) {
  Pipe output;
  Pipe errors;
  const Clock::time_point deadline = Clock::now() + time_limit;
  const pid_t child = spawn(arguments, environment, output, errors);
  output.close_write_end();
  errors.close_write_end();

  ChildResult result;
  const int status = wait_for(child, output, errors, deadline, result);
  ::kill(-child, SIGKILL);  // the child itself, if it still runs, and what it started
  if (status == -1) {
    ::waitpid(child, nullptr, 0);
    result.timed_out = true;
  } else if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.exit_code = WEXITSTATUS(status);
  }
  return result;
}

}  // namespace dlrun::registry
