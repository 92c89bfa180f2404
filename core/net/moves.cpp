#include "core/net/moves.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dlrun::net {
namespace {

// What each buffer holds; of several tensors that share one, the first.
std::map<const memory::Buffer*, std::string> name_buffers(const Net& net) {
  std::map<const memory::Buffer*, std::string> names;
  const auto add = [&](const dlr_tensor& tensor, const std::string& name) {
    if (tensor.buffer != nullptr) names.emplace(tensor.buffer, name);
  };
  for (const auto& param : net.params()) {
    const std::string name = fmt::format("parameter {} of '{}'", param->index, param->layer);
    add(param->data, name);
    add(param->gradient, "gradient of " + name);
    if (param->beside != nullptr) add(*param->beside, "part of the gradient of " + name);
  }
  for (const auto& value : net.values()) {
    const std::string name = fmt::format("'{}'", value->name);
    add(value->data, name);
    add(value->gradient, "gradient of " + name);
    if (value->loss_part != nullptr) add(*value->loss_part, "part of the gradient of " + name);
    for (const GradientPart& part : value->parts) {
      if (part.tensor != nullptr) add(*part.tensor, "part of the gradient of " + name);
    }
  }
  for (const auto& stage : net.stages()) {
    if (!stage->layer) continue;
    for (const ScratchDecl& scratch : stage->layer->scratch)
      add(scratch.tensor, fmt::format("scratch of '{}'", stage->name));
  }
  return names;
}

}  // namespace

const char* words_for(memory::MoveKind kind) {
  switch (kind) {
    case memory::MoveKind::kConversion:
      return "converted";
    case memory::MoveKind::kToDevice:
      return "copied to a device";
    case memory::MoveKind::kToHost:
      return "copied to the host";
  }
  return "";
}

std::vector<std::string> move_lines(std::vector<Move> moves, size_t most) {
  std::stable_sort(moves.begin(), moves.end(),
                   [](const Move& a, const Move& b) { return a.bytes > b.bytes; });
  std::vector<std::string> lines;
  uint64_t other_bytes = 0;
  for (const Move& move : moves) {
    if (lines.size() >= most) {
      other_bytes += move.bytes;
      continue;
    }
    const std::string who = move.layer.empty()
                                ? "outside the layers"
                                : move.layer + (move.backward ? " backward" : " forward");
    lines.push_back(fmt::format("{}: {} {}{}, {:.3g} MB", who, move.tensor, words_for(move.kind),
                                move.times == 1 ? "" : fmt::format(", {} times", move.times),
                                static_cast<double>(move.bytes) / 1e6));
  }
  if (moves.size() > most) {
    lines.push_back(fmt::format("and {} smaller ones, {:.3g} MB", moves.size() - most,
                                static_cast<double>(other_bytes) / 1e6));
  }
  return lines;
}

MoveLog::MoveLog(Net& net) : net_(net), names_(name_buffers(net)) {
  net_.observe(this);
  net_.observe_moves(this);
}

MoveLog::~MoveLog() {
  net_.observe(nullptr);
  net_.observe_moves(nullptr);
}

void MoveLog::before(size_t stage, bool backward) {
  stage_ = static_cast<int>(stage);
  backward_ = backward;
}

void MoveLog::after(size_t, bool) {
  stage_ = -1;
  backward_ = false;
}

void MoveLog::moved(const memory::Buffer& buffer, memory::MoveKind kind, uint64_t bytes) {
  const auto [known, is_new] =
      known_.try_emplace({stage_, backward_, &buffer, kind}, moves_.size());
  if (is_new) {
    const auto name = names_.find(&buffer);
    moves_.push_back({stage_ < 0 ? "" : net_.stages()[static_cast<size_t>(stage_)]->name, backward_,
                      name != names_.end() ? name->second : "a tensor of the solver", kind, 0, 0});
  }
  Move& move = moves_[known->second];
  ++move.times;
  move.bytes += bytes;
}

}  // namespace dlrun::net
