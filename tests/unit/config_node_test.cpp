// The view that plugins' parameters are read through.
#include <doctest/doctest.h>

#include "core/config/node.hpp"
#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

constexpr char kNet[] =
    "layer { name: 'c' type: 'Convolution' loss_weight: 0.5\n"
    "  convolution_param { num_output: 3 kernel_size: [5, 7]\n"
    "    weight_filler { type: 'xavier' } } }\n"
    "layer { type: 'Swish' swish_param { beta: 2 wide: -4 wider: 18446744073709551615 flags: "
    "[true, false] } }\n";

Node layer(int index) {
  return parse(kNet, "n.prototxt").train_net.message("layer", index);
}

TEST_CASE("values are read by name, with the schema's default when not set") {
  const Node conv = layer(0).message("convolution_param");
  CHECK(conv.integer("num_output") == 3);
  CHECK(conv.number("num_output") == 3.0);
  CHECK(conv.count("kernel_size") == 2);
  CHECK(conv.integer("kernel_size", 1) == 7);
  CHECK(conv.boolean("bias_term"));
  CHECK_FALSE(conv.has("bias_term"));
  CHECK(conv.text("engine") == "DEFAULT");
  CHECK(conv.message("weight_filler").text("type") == "xavier");
  CHECK(conv.message("bias_filler").text("type") == "constant");
  CHECK(conv.message("bias_filler").number("max") == 1);
  CHECK(conv.fields_set() ==
        std::vector<std::string>{"num_output", "kernel_size", "weight_filler"});
  CHECK(conv.knows("pad"));
  CHECK_FALSE(conv.knows("padding"));
  CHECK(conv.type_name() == "ConvolutionParameter");

  const Node swish = layer(1).message("swish_param");
  CHECK(swish.number("beta") == 2);
  CHECK(swish.integer("wide") == -4);
  CHECK(swish.boolean("flags", 0));
  CHECK_FALSE(swish.boolean("flags", 1));
}

TEST_CASE("a node keeps its document alive") {
  Node conv;
  CHECK_FALSE(static_cast<bool>(conv));
  conv = layer(0).message("convolution_param");
  CHECK(conv.integer("num_output") == 3);
  CHECK(conv.document()->root().has("net"));
}

TEST_CASE("a value that was not written has the place of its message") {
  const Node conv = layer(0).message("convolution_param");
  CHECK(place(conv.where("num_output")) == "2:35");
  CHECK(place(conv.where("pad")) == "2:3");
  CHECK(place(conv.message("bias_filler").where("type")) == "2:3");
  CHECK(place(layer(0).message("transform_param").where()) == "1:1");
}

TEST_CASE("asking for what isn't there is an error, never a crash") {
  const Node conv = layer(0).message("convolution_param");
  CHECK(error_of([&] { conv.integer("num_outputs"); }) ==
        "n.prototxt:2:3: layer 'c': a plugin asked for 'num_outputs', which ConvolutionParameter "
        "doesn't have; did you mean 'num_output'?");
  CHECK(error_of([&] { conv.has("num_outputs"); }) ==
        error_of([&] { conv.integer("num_outputs"); }));
  CHECK(error_of([&] { conv.integer("kernel_size", 2); }) ==
        "n.prototxt:2:3: layer 'c': value 3 of 'kernel_size' is needed, but it has 2");
  CHECK(error_of([&] { conv.integer("num_output", -1); }) != "no error");
  CHECK(
      error_of([&] { conv.message("num_output"); }) ==
      "n.prototxt:2:3: layer 'c': a plugin asked for 'num_output' as a message, but it is uint32");
  CHECK(error_of([&] { conv.boolean("num_output"); }) != "no error");
  CHECK(error_of([&] { conv.text("num_output"); }) != "no error");
  CHECK(error_of([&] { conv.number("engine"); }) != "no error");
  CHECK(error_of([&] { layer(0).integer("loss_weight"); }) != "no error");
  CHECK(error_of([&] { layer(1).message("swish_param").integer("wider"); }) ==
        "n.prototxt:4:61: Swish layer without a name: wider is too large: 18446744073709551615");
}

TEST_CASE("an error about a value names its place and its layer") {
  const Node filler = layer(0).message("convolution_param").message("weight_filler");
  CHECK(filler.subject() == "layer 'c': ");
  CHECK(error_of([&] { filler.fail("type", "unknown filler"); }) ==
        "n.prototxt:3:27: layer 'c': unknown filler");
  const Job job = parse(kNet, "n.prototxt");
  CHECK(job.root.subject().empty());
}

TEST_CASE("the names that a job uses are listed once, with their kind and first place") {
  const Job job = parse(
      "lr_policy: 'step' net_param { layer { name: 'a' type: 'Convolution' convolution_param {\n"
      " weight_filler { type: 'xavier' } bias_filler {} } } layer { name: 'b' type: 'Convolution' "
      "} }");
  std::string names;
  for (const UsedName& used : used_names(job.root)) {
    names += used.kind + " " + used.name + " " + place(used.where) + "; ";
  }
  CHECK(
      names ==
      "solver SGD 1:1; schedule step 1:12; layer Convolution 1:55; source Convolution 1:55; filler "
      "xavier 2:24; filler constant 2:35; ");
}

TEST_CASE("a node prints as prototxt that reads back the same") {
  const Job job = parse(kNet, "n.prototxt");
  const std::string text = to_prototxt(job.train_net);
  CHECK(to_prototxt(parse(text, "again.prototxt").train_net) == text);
}

}  // namespace
}  // namespace dlrun::config::test
