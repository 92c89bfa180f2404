// The steady-state iteration allocates nothing; and what happens when nothing can be allocated.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "core/host/error.hpp"
#include "tests/unit/train_support.hpp"

namespace {
std::atomic<bool> counting = false;
std::atomic<long> allocations = 0;
std::atomic<bool> memory_is_out = false;
}  // namespace

// Every `new` of the process, the plugins' included, comes here. g++ may see through one of the
// pair and not the other.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif
void* operator new(std::size_t size) {
  if (counting) ++allocations;
  if (memory_is_out) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

TEST_CASE("counting sees an allocation") {
  counting = true;
  const long before = allocations;
  ::operator delete(::operator new(4));
  counting = false;
  CHECK(allocations == before + 1);
}

TEST_CASE("training LeNet on cpu allocates nothing once it runs") {
  dlrun::train::Session session(dlrun::test::session_options(dlrun::test::lenet()));
  dlrun::train::Trainer trainer(session);
  for (int i = 0; i < 5; ++i)
    trainer.iterate();
  allocations = 0;
  counting = true;
  for (int i = 0; i < 20; ++i)
    trainer.iterate();
  counting = false;
  CHECK(allocations == 0);
}

TEST_CASE("an error can be told when memory is out, again and again") {
  for (int i = 0; i < 3; ++i) {
    memory_is_out = true;
    dlr_error* const error =
        dlrun::host::guard([] { throw dlrun::host::PluginError(DLR_IO_ERROR, "short"); });
    memory_is_out = false;
    REQUIRE(error != nullptr);
    CHECK(error->code == DLR_OUT_OF_MEMORY);
    CHECK(error->message == "out of memory");
    delete error;
    dlr_error* const other = dlrun::host::make_error(DLR_IO_ERROR, "the disk is full");
    CHECK(other->message == "the disk is full");
    delete other;
  }
}
