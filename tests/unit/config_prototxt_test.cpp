// Reading prototxt: everything that protobuf's text format allows, with the place of every value.
#include <doctest/doctest.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "core/config/binder.hpp"
#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

namespace pb = google::protobuf;

std::shared_ptr<const Schema> whole_schema() {
  return Schema::compose(FakePlugins().all_schemas());
}

class Quiet : public pb::io::ErrorCollector {
  void AddError(int, pb::io::ColumnNumber, const std::string&) override {}
};

// What protobuf's own reader makes of a net, or "refused".
std::string by_protobuf(const Schema& schema, const std::string& text) {
  auto net = schema.make("NetParameter");
  Quiet quiet;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&quiet);
  return parser.ParseFromString(text, net.get()) ? net->DebugString() : "refused";
}

// What ours makes of it.
std::string by_dlrun(const std::shared_ptr<const Schema>& schema, const std::string& text) {
  auto document = std::make_shared<Document>(schema, "NetParameter");
  try {
    fill_document(*document, read_prototxt(text, "net.prototxt"));
  } catch (const base::Error&) {
    return "refused";
  } catch (const UnknownField&) {
    return "refused";
  }
  return document->root().proto().DebugString();
}

TEST_CASE("every way to write a value means what protobuf says it means") {
  const auto schema = whole_schema();
  const auto layer = [](const std::string& inside) { return "layer { " + inside + " }"; };
  const std::string swish = "swish_param { ";
  for (const std::string& text : {
           layer("name: 'single' type: \"double\""),
           layer("name: \"two\" 'parts'"),
           layer("name: 'tab\\t quote\\' octal\\101 hex\\x41'"),
           layer("bottom: 'a'; bottom: 'b', top: 'c';"),
           layer("bottom: ['a', 'b'] loss_weight: [1, 2.5] top: []"),
           layer("loss_weight: 1 loss_weight: -1.5e-3 loss_weight: .5 loss_weight: 5. loss_weight: "
                 "2f"),
           layer("loss_weight: inf loss_weight: -inf loss_weight: Infinity"),
           layer("loss_weight: 0.1 loss_weight: 3.4028235e38 loss_weight: 1e-46"),
           layer("phase: TEST"),
           layer("phase: 1"),
           layer("include: { phase: TEST } exclude < min_level: -2 >"),
           layer("param [{ lr_mult: 1 }, { lr_mult: 2 }]"),
           layer("propagate_down: true propagate_down: 0 propagate_down: t propagate_down: False"),
           layer("convolution_param { num_output: 0x1F pad: 017 stride: 4294967295 axis: -3 }"),
           layer(swish + "wide: -9223372036854775808 wider: 18446744073709551615 }"),
           layer(swish + "exact: 0.1 raw: '\\000\\377' flags: [true, false] }"),
           layer("# a comment { \n name: 'x' # another\n"),
           std::string("name: 'n' # no line end"),
           std::string(""),
       }) {
    CAPTURE(text);
    CHECK(by_protobuf(*schema, text) != "refused");
    CHECK(by_dlrun(schema, text) == by_protobuf(*schema, text));
  }
}

TEST_CASE("what protobuf refuses is refused") {
  const auto schema = whole_schema();
  for (const std::string text : {
           "layer { name: bare }",
           "layer { name: 5 }",
           "layer { name 'x' }",
           "layer { name: 'x'",
           "layer { name: 'x' } }",
           "layer { name: 'x' name: 'y' }",
           "layer { name: ['x'] }",
           "layer { phase: TRIAN }",
           "layer { phase: 7 }",
           "layer { loss_weight: '1' }",
           "layer { loss_weight: one }",
           "layer { loss_weight: 1..5 }",
           "layer { bottom: ['a' 'b', }",
           "layer { include { phase: TEST > }",
           "layer { include: 5 }",
           "layer { propagate_down: 2 }",
           "layer { propagate_down: yes }",
           "layer { convolution_param { num_output: -1 } }",
           "layer { convolution_param { num_output: 1.5 } }",
           "layer { convolution_param { num_output: 1e2 } }",
           "layer { convolution_param { num_output: 4294967296 } }",
           "layer { convolution_param { pad: 08 } }",
           "layer { swish_param { wide: 9223372036854775808 } }",
           "layer { swish_param { wider: 18446744073709551616 } }",
           "layer { clip_param { min: 1 } }",
           "layer { name: 'unterminated }",
           "layer: 'x'",
           "layers_ { }",
           "<html>",
           "name: 'a' : 'b'",
           "\x01\x02\x03",
       }) {
    CAPTURE(text);
    CHECK(by_protobuf(*schema, text) == "refused");
    CHECK(by_dlrun(schema, text) == "refused");
  }
}

TEST_CASE("places count lines and characters from 1, a tab being one character") {
  const Job job = parse(
      "layer {\n"
      "  name: 'c' type: \"Convolution\"\n"
      "\tconvolution_param {\n"
      "\t\tnum_output:\t20 pad: [1, 2]\n"
      "  }\n"
      "}\n");
  const Node layer = job.train_net.message("layer");
  CHECK(place(layer.where()) == "1:1");
  CHECK(place(layer.where("type")) == "2:19");
  const Node param = layer.message("convolution_param");
  CHECK(place(param.where()) == "3:2");
  CHECK(place(param.where("num_output")) == "4:15");
  CHECK(place(param.where("pad", 0)) == "4:24");
  CHECK(place(param.where("pad", 1)) == "4:27");
  CHECK(param.where("pad", 1).file == "job.prototxt");
}

TEST_CASE("nesting without end is an error, not a crash") {
  std::string text;
  for (int i = 0; i < 100000; ++i)
    text += "layer { ";
  CHECK(error_in(text).find("nested too deeply") != std::string::npos);
}

}  // namespace
}  // namespace dlrun::config::test
