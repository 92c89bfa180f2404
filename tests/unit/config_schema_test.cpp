// Composing core's schema and the plugins': what goes together, what is refused, and how errors are
// told.
#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

constexpr char kSwish[] =
    "message SwishParameter { optional float beta = 1 [default = 1]; }\n"
    "extend LayerParameter { optional SwishParameter swish_param = 147; }\n";

PluginSchema schema(const std::string& id, const std::string& text) {
  return {id, id + ".proto", text};
}

const google::protobuf::FieldDescriptor& field_of(const Schema& composed,
                                                  const std::string& message,
                                                  const std::string& name) {
  const auto* field = composed.descriptor(message).FindFieldByName(name);
  REQUIRE(field != nullptr);
  return *field;
}

TEST_CASE("a plugin's extension becomes a plain field of the layer, with its number") {
  const auto composed = Schema::compose({schema("swish", kSwish)});
  const auto& field = field_of(*composed, "LayerParameter", "swish_param");
  CHECK(field.number() == 147);
  CHECK_FALSE(field.is_extension());
  CHECK(field.message_type()->FindFieldByName("beta")->default_value_float() == 1);
  CHECK(composed->provider(field) == "swish");
  CHECK(composed->provider(field_of(*composed, "LayerParameter", "name")).empty());

  auto layer = composed->make("LayerParameter");
  CHECK(google::protobuf::TextFormat::ParseFromString("swish_param { beta: 2 }", layer.get()));
}

TEST_CASE("a plugin can extend other messages of core's and use them") {
  const auto composed = Schema::compose(
      {schema("a", "extend FillerParameter { optional BlobShape block = 40; }"),
       schema("b", "extend .dlrun.SolverParameter { optional dlrun.Phase at = 41; }")});
  CHECK(field_of(*composed, "FillerParameter", "block").message_type()->name() == "BlobShape");
  CHECK(field_of(*composed, "SolverParameter", "at").enum_type()->name() == "Phase");
}

TEST_CASE("messages of the same name in two plugins don't meet") {
  const auto composed = Schema::compose(
      {schema("a",
              "message P { optional int32 x = 1; } extend LayerParameter { optional P a = 201; }"),
       schema(
           "b",
           "message P { optional string y = 1; } extend LayerParameter { optional P b = 202; }")});
  CHECK(field_of(*composed, "LayerParameter", "a").message_type()->FindFieldByName("x") != nullptr);
  CHECK(field_of(*composed, "LayerParameter", "b").message_type()->FindFieldByName("y") != nullptr);
}

TEST_CASE("plugin ids that differ in punctuation only don't meet either") {
  const auto composed = Schema::compose(
      {schema("a.b",
              "message P { optional int32 x = 1; } extend LayerParameter { optional P a = 201; }"),
       schema(
           "a-b",
           "message P { optional int32 x = 1; } extend LayerParameter { optional P b = 202; }")});
  CHECK(composed->provider(field_of(*composed, "LayerParameter", "b")) == "a-b");
}

TEST_CASE("the same field declared identically by two plugins is one field") {
  const std::string apart = std::string("// another comment\n") + kSwish;
  const auto composed = Schema::compose({schema("swish", kSwish), schema("silu", apart)});
  CHECK(composed->provider(field_of(*composed, "LayerParameter", "swish_param")) == "swish");
}

TEST_CASE("a field declared differently by two used plugins is an error that names both") {
  std::string other = kSwish;
  other.replace(other.find("default = 1"), 11, "default = 2");
  CHECK(error_of([&] {
          Schema::compose({schema("swish", kSwish), schema("silu", other)});
        }) ==
        "silu.proto: plugin 'silu' and plugin 'swish' (swish.proto) both add 'swish_param' to "
        "LayerParameter, but differently; use only one of them in a job");
}

TEST_CASE("a difference deep in a message makes another declaration") {
  const std::string deep =
      "message Inner { enum E { A = 0; B = 1; } optional E e = 1; }\n"
      "message Outer { optional Inner inner = 1; }\n"
      "extend LayerParameter { optional Outer outer_param = 300; }\n";
  std::string other = deep;
  other.replace(other.find("B = 1"), 5, "B = 2");
  CHECK(error_of([&] { Schema::compose({schema("a", deep), schema("b", deep)}); }) == "no error");
  CHECK(error_of([&] { Schema::compose({schema("a", deep), schema("b", other)}); }) != "no error");
}

TEST_CASE("a field number that is taken is replaced by a private one, and can be told") {
  const auto composed = Schema::compose(
      {schema("swish", kSwish),
       schema("other",
              "extend LayerParameter { optional int32 other = 147; optional int32 low = 5; }")});
  CHECK_FALSE(Schema::is_renumbered(field_of(*composed, "LayerParameter", "swish_param")));
  CHECK(Schema::is_renumbered(field_of(*composed, "LayerParameter", "other")));
  CHECK(Schema::is_renumbered(field_of(*composed, "LayerParameter", "low")));
}

TEST_CASE("one bad schema among good ones is left out when all are composed") {
  const std::vector<PluginSchema> plugins = {schema("bad", "message {"), schema("swish", kSwish),
                                             schema("clash",
                                                    "extend LayerParameter { optional "
                                                    "int32 swish_param = 500; }")};
  const auto composed = Schema::compose(plugins, Schema::OnTrouble::kSkip);
  CHECK(field_of(*composed, "LayerParameter", "swish_param").number() == 147);
  CHECK(error_of([&] { Schema::compose(plugins); }) == "bad.proto:1:9: Expected message name.");
}

TEST_CASE("what is wrong with one schema is told with its place") {
  const auto check = [](const std::string& text) { return check_schema({"p", "p.proto", text}); };
  CHECK(check(kSwish) == "");
  CHECK(check("") == "");
  CHECK(check("syntax = \"proto2\";\npackage acme;\nmessage M { }") == "");
  CHECK(
      check(
          "import \"dlrun/core.proto\";\nextend LayerParameter { optional BlobShape s = 300; }") ==
      "");
  CHECK(check("message M { optional floot x = 1; }") ==
        "p.proto:1:22: M.x: \"floot\" is not defined.");
  CHECK(check("\n  message M { optional int32 x = 1; optional int32 x = 2; }") ==
        "p.proto:2:52: M.x: \"x\" is already defined in \"M\".");
  CHECK(check("enum E { A = 0; }") ==
        "p.proto: enum 'E' stands outside a message; move it into the one that uses it");
  CHECK(check("syntax = \"proto3\";") == "p.proto: syntax is \"proto3\", expected \"proto2\"");
  CHECK(check("extend LayerParametre { optional int32 x = 300; }") ==
        "p.proto: extends 'LayerParametre', which is not a message of dlrun's; did you mean "
        "'LayerParameter'?");
  CHECK(check("extend LayerParameter { optional int32 bottom = 300; }") ==
        "p.proto: adds 'bottom' to LayerParameter, which has a field of that name");
  CHECK(check("message M { extend LayerParameter { optional int32 x = 300; } }") ==
        "p.proto: message 'M' contains an extend; move it out of the message");
  CHECK(check("extend LayerParameter { required int32 x = 300; }") ==
        "p.proto: 'x' is required, which would make it so for everyone; write 'optional'");
  CHECK(check("service S { }") == "p.proto: services are not allowed here");
  CHECK(
      check("message M { optional int32 x = 1 [(dlrun.hlep) = \"?\"]; }") ==
      "p.proto:1:35: M.x: Option \"(dlrun.hlep)\" unknown. Ensure that your proto definition file "
      "imports the proto which defines the option.");
}

TEST_CASE("help, unit and range are read from a field's options") {
  const auto composed = Schema::compose({schema(
      "p",
      "extend LayerParameter { optional float x = 300 [default = 2, (dlrun.help) = \"how much\", "
      "(dlrun.unit) = \"pixels\", (dlrun.min) = -1, (dlrun.max) = 2.5]; optional float y = 301; "
      "}")});
  const FieldNotes notes = notes_of(field_of(*composed, "LayerParameter", "x"));
  CHECK(notes.help == "how much");
  CHECK(notes.unit == "pixels");
  CHECK(notes.min == -1);
  CHECK(notes.max == 2.5);
  CHECK(notes_of(field_of(*composed, "LayerParameter", "y")).help.empty());
  CHECK(notes_of(field_of(*composed, "SolverParameter", "iter_size")).min == 1);
}

}  // namespace
}  // namespace dlrun::config::test
