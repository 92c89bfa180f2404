// Which tensors of which layers are converted or copied while a net runs: for reports, not for the
// steady state.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/net/net.hpp"

namespace dlrun::net {

struct Move {
  std::string layer;  // that asked for it; "" for work of no layer, the solver's
  bool backward = false;
  std::string tensor;  // "gradient of data 'conv1'"
  memory::MoveKind kind{};
  uint64_t times = 0;
  uint64_t bytes = 0;  // of all times together
};

// Observes a net while it lives; nobody else may.
class MoveLog : public StageObserver, public memory::MoveObserver {
 public:
  explicit MoveLog(Net& net);
  ~MoveLog() override;

  void before(size_t stage, bool backward) override;
  void after(size_t stage, bool backward) override;
  void moved(const memory::Buffer& buffer, memory::MoveKind kind, uint64_t bytes) override;

  // In the order in which they first happened.
  std::vector<Move> moves() const { return moves_; }

 private:
  using Key = std::tuple<int, bool, const memory::Buffer*, memory::MoveKind>;
  Net& net_;
  std::map<const memory::Buffer*, std::string> names_;
  int stage_ = -1;
  bool backward_ = false;
  std::map<Key, size_t> known_;  // index into moves_
  std::vector<Move> moves_;
};

// "conv1 backward: gradient of 'conv1' copied to the host, 2 times, 1.2 MB": the largest first, at
// most `most`, and a last one for the others.
std::vector<std::string> move_lines(std::vector<Move> moves, size_t most = 12);

// "converted", "copied to a device", "copied to the host"
const char* words_for(memory::MoveKind kind);

}  // namespace dlrun::net
