// Events around pieces of work, and the spans between them.
#include "timer.hpp"

#include <algorithm>

namespace dlrun::cuda {

namespace {

// More pieces than this are never left unsettled; issuing then waits for the older half.
constexpr size_t kMostIssued = 512;
// The driver tells elapsed times as float milliseconds: from further away they are less exact.
constexpr uint64_t kFarNs = 1'000'000'000;

}  // namespace

Timeline::Timeline(CUstream stream) {
  start.record(stream);
  start.wait();
}

Timer::Timer(Timeline& timeline, CUstream stream)
    : timeline_(timeline), stream_(stream), number_(timeline.n_streams++) {
  base_->record(stream_);
  base_->wait();
  base_ns_ = last_ns_ = base_->ns_since(timeline_.start);
}

void Timer::begin(std::string_view what) {
  if (!next_ && !spare_.empty()) {
    next_ = std::move(spare_.back());
    spare_.pop_back();
  }
  if (!next_) next_ = std::make_unique<Timed>();
  next_->name = what;
  next_->label = timeline_.label;
  next_->begin.record(stream_);
}

void Timer::end() {
  next_->end->record(stream_);
  issued_.push_back(std::move(next_));
  if (issued_.size() == kMostIssued) settle(kMostIssued / 2);
}

uint64_t Timer::now() {
  const TimedEvent event;
  event.record(stream_);
  event.wait();
  return base_ns_ + event.ns_since(*base_);
}

// The oldest `count` pieces.
void Timer::settle(size_t count) {
  if (count == 0) return;
  issued_[count - 1]->end->wait();
  for (; count > 0; --count) {
    std::unique_ptr<Timed> timed = std::move(issued_.front());
    issued_.pop_front();
    note(*timed);
    spare_.push_back(std::move(timed));
  }
}

void Timer::note(Timed& timed) {
  const uint64_t begin_ns = std::max(base_ns_ + timed.begin.ns_since(*base_), last_ns_);
  last_ns_ = begin_ns + timed.end->ns_since(timed.begin);
  timeline_.spans.push_back({timed.name, timed.label, number_, begin_ns, last_ns_});
  if (last_ns_ - base_ns_ < kFarNs) return;
  std::swap(base_, timed.end);
  base_ns_ = last_ns_;
}

}  // namespace dlrun::cuda
