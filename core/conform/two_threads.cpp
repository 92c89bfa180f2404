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
  std::vector<std::exception_ptr> failures(kThreads);
  std::latch start(kThreads);
  const auto run = [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    try {
      start.arrive_and_wait();
      for (int round = 0; round < rounds; ++round) {
        if (work(i) != expected[at])
          fail(fmt::format("beside another thread, thread {} gets other results in round {}", i,
                           round),
               "those that it gets alone");
      }
    } catch (...) {
      failures[at] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back(run, i);
  for (std::thread& thread : threads)
    thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

void in_another_thread(const std::function<void()>& body) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

std::string to_text(const std::vector<Values>& values) {
  std::string text;
  for (const Values& each : values)
    text.append(reinterpret_cast<const char*>(each.data()), each.size() * sizeof(double));
  return text;
}

}  // namespace dlrun::conform
