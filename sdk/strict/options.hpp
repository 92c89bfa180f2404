// What goes wrong by plan: the text of DLRUN_STRICT. README.md lists the words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dlrun::strict {

struct Options {
  uint64_t seed = 1;                  // of every order that is drawn
  uint64_t memory = 1ull << 34;       // bytes; allocations beyond them fail
  uint64_t fail_call = 0;             // the n-th call of any function, from 1; 0: none
  uint64_t fail_allocation = 0;       // the n-th allocation
  uint64_t fail_copy = 0;             // the n-th copy
  uint64_t fail_late = 0;             // the n-th command, when it runs: the next synchronize reports it
  uint64_t late = 8;                  // on average one of so many issued commands lets an old one run; 0: none does
  std::vector<std::string> declined;  // operators, by how their names begin
  bool plain = false;                 // no private layouts

  bool declines(std::string_view op) const;
};

// "seed=7,fail_call=120,decline=pooling+gemm". Throws at a word that it doesn't know.
Options parse_options(const std::string& text);

}  // namespace dlrun::strict
