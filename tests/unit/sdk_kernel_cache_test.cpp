// Compiled kernels on disk: damage, other processes, and disks that take nothing.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <dlrun/kernel_cache.hpp>

#include <csignal>
#include <vector>

#include "tests/unit/cache_folder.hpp"

using Cache = dlrun::KernelCache;

namespace {

namespace fs = std::filesystem;

struct CacheFolder : dlrun::test::CacheFolder {
  std::vector<fs::path> files() const {
    std::vector<fs::path> files;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(path() / "dlrun/kernels", absent))
      files.push_back(entry.path());
    return files;
  }
};

// Runs `body` in a child process; what it returns, or -1 when it died.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const std::string kBinary(100000, 'b');

}  // namespace

TEST_CASE("the kernel cache gives back what was stored, by the whole key") {
  const CacheFolder folder;
  const Cache cache;
  CHECK_FALSE(cache.load("key"));
  cache.store("key", kBinary);
  CHECK(cache.load("key") == kBinary);
  CHECK_FALSE(cache.load("key2"));
}

TEST_CASE("a damaged entry of the kernel cache is absent, and replaced by the next store") {
  const CacheFolder folder;
  const Cache cache;
  cache.store("key", kBinary);
  REQUIRE(folder.files().size() == 1);
  const fs::path entry = folder.files()[0];
  SUBCASE("empty") {
    fs::resize_file(entry, 0);
  }
  SUBCASE("cut within the header") {
    fs::resize_file(entry, 20);
  }
  SUBCASE("cut") {
    fs::resize_file(entry, fs::file_size(entry) - 1);
  }
  SUBCASE("longer") {
    std::ofstream(entry, std::ios::app) << "x";
  }
  SUBCASE("one bit") {
    std::fstream file(entry, std::ios::in | std::ios::out);
    file.seekp(5000);
    file.put('c');
  }
  SUBCASE("of another version") {
    std::ofstream(entry) << "dlrun kernel 9\n" << kBinary;
  }
  SUBCASE("a folder") {
    fs::remove(entry);
    fs::create_directory(entry);
    CHECK_FALSE(cache.load("key"));
    return;
  }
  CHECK_FALSE(cache.load("key"));
  cache.store("key", kBinary);
  CHECK(cache.load("key") == kBinary);
}

TEST_CASE("processes that store and load one key at once see it whole or not at all") {
  const CacheFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const Cache cache;
      for (int round = 0; round < 50; ++round) {
        cache.store("key", kBinary);
        if (cache.load("key") != kBinary) _exit(1);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  CHECK(folder.files().size() == 1);  // no temporary is left
}

TEST_CASE("a kernel cache that can't be written is none") {
  const CacheFolder folder;
  SUBCASE("its folder is a file") {
    std::ofstream(folder.path() / "dlrun") << "in the way";
  }
  SUBCASE("its folder can't be made") {
    setenv("XDG_CACHE_HOME", "/proc/1/nothing", 1);
  }
  const Cache cache;
  cache.store("key", kBinary);
  CHECK_FALSE(cache.load("key"));
}

TEST_CASE("a full disk leaves no half entry") {
  const CacheFolder folder;
  const int result = in_child([] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit few{1000, 1000};  // bytes a file
    setrlimit(RLIMIT_FSIZE, &few);
    const Cache cache;
    cache.store("key", kBinary);
    return cache.load("key") ? 1 : 0;
  });
  CHECK(result == 0);
  CHECK(folder.files().empty());
}
