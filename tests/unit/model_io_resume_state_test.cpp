// The resume state: comes back exactly, and what is wrong with a file is said with its place.
#include "core/model_io/resume_state.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/model_io/base64.hpp"
#include "model_io_support.hpp"

using namespace dlrun::model_io;
using namespace dlrun::test;

namespace {

ResumeState sample_state() {
  ResumeState state;
  state.iteration = 2000;
  state.random_seed = std::numeric_limits<uint64_t>::max();
  state.source_positions = {{"mnist", (uint64_t{1} << 53) + 1}, {"quote\" and \xc3\xa4", 0}};
  state.loss_window = {0.1,
                       1.0 / 3,
                       5e-324,
                       -0.0,
                       std::numeric_limits<double>::max(),
                       std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity()};
  state.numbers = {{"best", 0.97}};
  state.schedule_states = {{"plateau", std::string("\0\xff\n", 3)}};
  state.layer_states = {{"bn1", ""}, {"bn2", "abcd"}};
  state.environment = {{"cpu", "some \"cpu\""}, {"threads", "2"}};
  state.config_sha256 = std::string(64, 'a');
  state.weights_sha256 = std::string(64, '0');
  state.solver_state_sha256 = std::string(64, '9');
  return state;
}

}  // namespace

TEST_CASE("a resume state comes back exactly") {
  const TemporaryFolder folder;
  const ResumeState written = sample_state();
  write_resume_state(folder / "s.dlrunstate", written);
  const ResumeState read = read_resume_state(folder / "s.dlrunstate");
  CHECK(read == written);
  CHECK(std::signbit(read.loss_window[3]));

  ResumeState with_nan;
  with_nan.loss_window = {std::nan("")};
  write_resume_state(folder / "s.dlrunstate", with_nan);
  CHECK(std::isnan(read_resume_state(folder / "s.dlrunstate").loss_window.at(0)));
}

TEST_CASE("names of any bytes come back exactly") {
  const TemporaryFolder folder;
  ResumeState written = sample_state();
  written.layer_states = {
      {"caf\xE9", "latin-1"}, {"caf\xC3\xA9", "utf-8"}, {"\xFF\x80", "neither"}};
  write_resume_state(folder / "s.dlrunstate", written);
  CHECK(read_resume_state(folder / "s.dlrunstate") == written);
}

TEST_CASE("the file is JSON that says what it is") {
  const TemporaryFolder folder;
  write_resume_state(folder / "s", sample_state());
  const auto json = nlohmann::json::parse(dlrun::base::read_file(folder / "s"));
  CHECK(json["format"] == "dlrunstate");
  CHECK(json["version"] == 1);
  CHECK(json["iteration"] == 2000);
  CHECK(json["source_positions"]["mnist"] == (uint64_t{1} << 53) + 1);
  CHECK(json["schedule_states"]["plateau"] == "AP8K");
  CHECK(json["layer_states"]["bn2"] == "YWJjZA==");
}

TEST_CASE("a wrong entry is named, broken JSON has its line and column") {
  const TemporaryFolder folder;
  write_resume_state(folder / "good", sample_state());
  const auto good = nlohmann::ordered_json::parse(dlrun::base::read_file(folder / "good"));
  const auto read_changed = [&](const char* key, const nlohmann::ordered_json& value) {
    auto changed = good;
    if (value.is_null()) {
      changed.erase(key);
    } else {
      changed[key] = value;
    }
    const Caught caught =
        catch_error([&] { read_resume_state(put(folder / "bad", changed.dump())); });
    CHECK(caught.code == 2);
    CHECK(caught.message.starts_with((folder / "bad").string() + ": "));
    return caught;
  };
  CHECK(read_changed("random_seed", nullptr).says("has no 'random_seed'"));
  CHECK(read_changed("surprise", 1).says("has an unknown key 'surprise'"));
  CHECK(read_changed("version", 2).says("has version 2, this dlrun reads version 1"));
  CHECK(read_changed("format", "other").says("is of another format"));
  CHECK(read_changed("iteration", -1).says("'iteration' is not a whole number, 0 or more"));
  CHECK(read_changed("iteration", 1.5).says("'iteration' is not a whole number"));
  CHECK(read_changed("iteration", uint64_t{1} << 63).says("'iteration' is not a smaller number"));
  CHECK(read_changed("loss_window", {0.5, "x"}).says("'loss_window[1]' is not a number"));
  CHECK(read_changed("numbers", 3).says("'numbers' is not an object"));
  CHECK(read_changed("environment", {{"cpu", 3}}).says("'environment.cpu' is not a string"));
  CHECK(read_changed("layer_states", {{"bn", "a?=="}}).says("'layer_states.bn' is not base64"));
  CHECK(read_changed("config_sha256", "12")
            .says("'config_sha256' is not 64 lower-case hexadecimal digits"));

  const Caught broken = catch_error(
      [&] { read_resume_state(put(folder / "j", "{\n  \"format\": \"dlrunstate\",\n  oops}")); });
  CHECK(broken.says((folder / "j").string() + ":3:3: is damaged: not valid JSON from here on"));
  CHECK(
      catch_error([&] {
        read_resume_state(kGolden / "init.caffemodel");
      }).says("is a file of weights (.caffemodel), expected a file of resume state (.dlrunstate)"));
  CHECK(catch_error([&] { read_resume_state(folder / "absent"); }).code == 2);
}

TEST_CASE("differences of two environments are told fact by fact") {
  const std::vector<std::string> lines =
      environment_differences({{"cpu", "a"}, {"gone", "x"}, {"threads", "4"}},
                              {{"cpu", "a"}, {"new", "y"}, {"threads", "2"}});
  CHECK(lines == std::vector<std::string>{"gone: x in the snapshot, not recorded now",
                                          "new: not recorded in the snapshot, y now",
                                          "threads: 4 in the snapshot, 2 now"});
}

TEST_CASE("base64 follows RFC 4648") {
  const std::vector<std::pair<std::string, std::string>> examples = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    CHECK(encode_base64(bytes) == text);
    CHECK(decode_base64(text) == bytes);
  }
  for (const char* wrong : {"Z", "Zg", "Zg=", "Zh==", "Zg==Zg==", "Zm9v\n", "====", "="}) {
    CHECK_FALSE(decode_base64(wrong).has_value());
  }
}
