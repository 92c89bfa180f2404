// Scanning libraries that misbehave: each becomes a stored reason, and nothing happens to the
// process.
#include "core/registry/scan.hpp"

#include <unistd.h>

#include <chrono>

#include "core/registry/elf.hpp"
#include "tests/unit/registry_support.hpp"

using namespace dlrun::registry;
using namespace registry_test;

namespace {

std::string reason_of(const std::string& name,
                      std::chrono::milliseconds limit = std::chrono::seconds(60)) {
  const Folder folder;
  const fs::path library = folder.add(name);
  return message_of([&] { scan_in_helper(library, {helper(), limit}); });
}

std::string reason_of_bytes(const std::string& bytes) {
  const Folder folder;
  write(folder / "bytes.so", bytes);
  return message_of([&] { make_manifest(folder / "bytes.so"); });
}

}  // namespace

TEST_CASE("another major version is refused with both versions") {
  CHECK(contains(reason_of("wrong_major"), "built for plugin interface 3.2, this dlrun speaks 0."));
}

TEST_CASE("a plugin that declines this version tells which it was built for") {
  CHECK(contains(reason_of("wrong_major_declines"),
                 "built for plugin interface 3.2, this dlrun speaks 0."));
}

TEST_CASE("a required minor version that is newer is refused, a built one is not") {
  CHECK(contains(reason_of("minor_too_new"),
                 "needs plugin interface 0.901 or later (it was built for 0.902)"));
  CHECK(reason_of("minor_newer_but_not_required").empty());
}

TEST_CASE("a library without the entry is no plugin") {
  CHECK(contains(reason_of("no_entry"), "not a plugin: it has no function dlrun_plugin_query"));
}

TEST_CASE("a crash is told by its signal and the last words") {
  CHECK(contains(reason_of("crashes_in_query"), "signal 11"));
  CHECK(contains(reason_of("crashes_in_constructor"),
                 "signal 6 (Aborted) while scanning (it said: no licence found)"));
}

TEST_CASE("a plugin that hangs is stopped at the time limit") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(contains(reason_of("hangs_in_query", std::chrono::milliseconds(700)),
                 "hung while scanning: no answer within 0.7 seconds"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}

// ThreadSanitizer puts its own exit code there, for it ends within a call of dlopen.
TEST_CASE("a plugin that ends the process is told by its exit code" *
          doctest::skip(own_sanitizer() == "thread")) {
  CHECK(contains(reason_of("exits_in_constructor"), "exit code 7"));
}

TEST_CASE("a missing library is named, with who needs it") {
  const Folder folder;
  const fs::path library = folder.add("needs_library");
  folder.add("libmiddle");
  const std::string reason = message_of([&] { scan_in_helper(library, {helper()}); });
  CHECK(contains(reason, "the library libabsent.so is missing"));
  CHECK(contains(reason, "needed by needs_library.so -> libmiddle.so"));
  CHECK(contains(reason, "libabsent.so: cannot open shared object file"));
}

TEST_CASE("wrong descriptions are refused with what is wrong") {
  CHECK(contains(reason_of("bad_schema"), "wrong.proto:2:"));
  CHECK(contains(reason_of("no_create"), "its layer 'Wrong' lacks the function 'create'"));
  CHECK(contains(reason_of("short_layer"), "its layer 'Wrong' has a type struct of 32 bytes"));
  CHECK(contains(reason_of("short_plugin"), "describes itself in 48 bytes"));
  CHECK(contains(reason_of("bad_id"), "its id is 'no blanks please'"));
}

TEST_CASE("files that aren't libraries of this machine are refused unopened") {
  const std::string good = read(built("good.so"));
  CHECK(contains(reason_of_bytes(""), "truncated"));
  CHECK(contains(reason_of_bytes("\x7f"
                                 "ELF"),
                 "truncated"));
  CHECK(contains(reason_of_bytes("#!/bin/sh\necho hello\n"), "doesn't begin as an ELF file"));
  CHECK(contains(reason_of_bytes(good.substr(0, good.size() / 4)), "truncated"));
  std::string foreign = good;
  foreign[18] = '\x08';  // e_machine: MIPS
  CHECK(contains(reason_of_bytes(foreign), "built for another machine (ELF machine 8"));
  CHECK(contains(reason_of_bytes(read("/proc/self/exe").substr(0, 4096)), "truncated"));
}

TEST_CASE("a library cut off or damaged anywhere in its head never crashes this process") {
  const std::string good = read(built("good.so"));
  for (size_t n = 1; n < 2000; n += 7)
    CHECK_FALSE(reason_of_bytes(good.substr(0, n)).empty());
}

TEST_CASE("a build with a sanitizer isn't opened by one without" *
          doctest::skip(!fs::exists(built("sanitized.so")))) {
  CHECK(contains(reason_of("sanitized"), "built with the address sanitizer, and this dlrun isn't"));
}

TEST_CASE("a helper that can't be started, or isn't one, is a reason") {
  const Folder folder;
  const fs::path library = folder.add("good");
  CHECK(contains(message_of([&] { scan_in_helper(library, {"/nowhere/dlrun"}); }), "cannot start"));
  CHECK(contains(message_of([&] { scan_in_helper(library, {"/bin/echo"}); }), "no valid answer"));
  CHECK(contains(message_of([&] { scan_in_helper(library, {"/bin/false"}); }), "exit code 1"));
}
