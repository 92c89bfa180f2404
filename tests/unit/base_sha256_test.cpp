// SHA-256 against the published examples of FIPS 180-4.
#include "core/base/sha256.hpp"

#include <doctest/doctest.h>

#include "core/base/error.hpp"

using dlrun::base::sha256;
using dlrun::base::Sha256;

TEST_CASE("published examples have their published digests") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("the pieces in which bytes arrive don't matter") {
  const std::string bytes(1000, 'x');
  for (size_t piece : {1, 3, 63, 64, 65, 200}) {
    Sha256 hash;
    for (size_t at = 0; at < bytes.size(); at += piece)
      hash.update(bytes.substr(at, piece));
    CHECK(hash.finish() == sha256(bytes));
  }
}

TEST_CASE("a file that isn't there is an error that names it") {
  CHECK_THROWS_WITH_AS(dlrun::base::sha256_of_file("/nowhere/file"),
                       doctest::Contains("/nowhere/file"), dlrun::base::Error);
}
