// The plan, the notes and the list of objects. Tests reach them by the three functions at the end.
#include "control.hpp"

#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>

#include "kernels.hpp"

namespace cuda_double {

namespace {

struct Object {
  const char* kind;
  int device;
};
struct State {
  Options options;
  uint64_t calls = 0;
  uint64_t commands = 0;
  std::string problems;
  std::map<const void*, Object> objects;
};

State& state() {
  static State state;
  return state;
}

uint64_t* option(Options& options, const std::string& word) {
  if (word == "devices") return &options.devices;
  if (word == "seed") return &options.seed;
  if (word == "memory") return &options.memory;
  if (word == "fail_call") return &options.fail_call;
  if (word == "fail_late") return &options.fail_late;
  if (word == "capability") return &options.capability;
  return nullptr;
}

}  // namespace

std::recursive_mutex& lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

const Options& options() {
  return state().options;
}

void read_options() {
  state().options = {};
  state().calls = state().commands = 0;
  const char* text = std::getenv("DLRUN_CUDA_DOUBLE");
  std::istringstream words(text == nullptr ? "" : text);
  for (std::string word; std::getline(words, word, ',');) {
    const size_t equals = word.find('=');
    uint64_t* value = option(state().options, word.substr(0, equals));
    if (value == nullptr || equals == std::string::npos) {
      note_problem("DLRUN_CUDA_DOUBLE: unknown word '" + word + "'");
    } else {
      *value = std::stoull(word.substr(equals + 1));
    }
  }
}

bool call_fails() {
  return ++state().calls == state().options.fail_call;
}

bool command_fails() {
  return ++state().commands == state().options.fail_late;
}

void note_problem(const std::string& what) {
  state().problems += what + "\n";
}

void add_object(const void* object, const char* kind, int device) {
  state().objects[object] = {kind, device};
}

int require_object(const void* object, const char* kind) {
  const auto found = state().objects.find(object);
  if (found == state().objects.end() || std::string(found->second.kind) != kind)
    throw Misuse(std::string("this ") + kind + " isn't alive");
  return found->second.device;
}

void remove_object(const void* object, const char* kind) {
  require_object(object, kind);
  state().objects.erase(object);
}

std::string objects_left(int device) {
  std::map<std::string, int> counts;
  for (const auto& [address, object] : state().objects) {
    if (device < 0 || object.device == device) ++counts[object.kind];
  }
  std::string text;
  for (const auto& [kind, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  return text;
}

}  // namespace cuda_double

extern "C" __attribute__((visibility("default"))) const char* cuda_double_problems() {
  const std::lock_guard guard(cuda_double::lock());
  static std::string problems;
  problems = std::exchange(cuda_double::state().problems, {});
  return problems.c_str();
}

// How many calls there were that could have failed.
extern "C" __attribute__((visibility("default"))) uint64_t cuda_double_calls() {
  const std::lock_guard guard(cuda_double::lock());
  return cuda_double::state().calls;
}

// A kernel that no plugin provides.
extern "C" __attribute__((visibility("default"))) void cuda_double_add_kernel(
    const dlr_kernel* kernel) {
  const std::lock_guard guard(cuda_double::lock());
  cuda_double::add_kernel(*kernel);
}
