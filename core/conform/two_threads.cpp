#include "core/conform/two_threads.hpp"

#include <fmt/format.h>

#include <exception>
#include <latch>
#include <thread>

#include "core/conform/runner.hpp"

namespace dlrun::conform {
namespace {

constexpr int kThreads = 2;

}  // namespace

void require_independent(const std::function<std::string(int)>& work, int rounds) {
  std::vector<std::string> expected;
  for (int i = 0; i < kThreads; ++i)
    expected.push_back(work(i));
  in_threads(kThreads, [&](int i) {
    for (int round = 0; round < rounds; ++round) {
      if (work(i) != expected[static_cast<std::size_t>(i)])
        fail(fmt::format("beside another thread, thread {} gets other results in round {}", i,
                         round),
             "those that it gets alone");
    }
  });
}

void in_threads(int n, const std::function<void(int)>& work) {
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(n));
  std::vector<std::thread> threads;
  std::latch start(n);
  for (int i = 0; i < n; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        work(i);
      } catch (...) {
        failures[static_cast<std::size_t>(i)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

void in_another_thread(const std::function<void()>& body) {
  in_threads(1, [&](int) { body(); });
}

std::string to_text(const std::vector<Values>& values) {
  std::string text;
  for (const Values& each : values)
    text.append(reinterpret_cast<const char*>(each.data()), each.size() * sizeof(double));
  return text;
}

}  // namespace dlrun::conform
