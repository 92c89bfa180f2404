#include "core/conform/events.hpp"

#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <sstream>

namespace dlrun::conform {
namespace {

using nlohmann::json;

json to_json(const Result& result) {
  return {result.rung,  result.rule,    result.name, static_cast<int>(result.verdict),
          result.found, result.expected};
}

Result from_json(const json& fields) {
  return {fields[0], fields[1], fields[2], static_cast<Verdict>(fields[3].get<int>()),
          fields[4], fields[5]};
}

}  // namespace

void EventWriter::write_line(const std::string& line) const {
  const std::string whole = line + "\n";
  for (std::size_t done = 0; done < whole.size();) {
    const ssize_t n = ::write(descriptor_, whole.data() + done, whole.size() - done);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

// Names may hold what a broken plugin wrote: bytes that are no text are replaced.
void EventWriter::begin(const Result& check) {
  write_line(json{{"begin", to_json(check)}}.dump(-1, ' ', false, json::error_handler_t::replace));
  ::alarm(seconds_per_check_);
}

void EventWriter::end(const Result& result) {
  ::alarm(0);
  write_line(json{{"end", to_json(result)}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

void EventWriter::done() {
  write_line(json{{"done", true}}.dump());
}

Events read_events(const std::string& lines) {
  Events events;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const json event = json::parse(line, nullptr, false);
    if (event.is_discarded()) continue;  // cut off in the middle
    if (event.contains("begin")) {
      events.last_begun = from_json(event["begin"]);
    } else if (event.contains("end")) {
      events.results.push_back(from_json(event["end"]));
    } else {
      events.is_done = true;
    }
  }
  return events;
}

const char* to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kDeclined:
      return "declined";
    case Verdict::kAbsent:
      return "absent";
  }
  return "";
}

}  // namespace dlrun::conform
