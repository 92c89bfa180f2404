// Wrong configurations and the one message that each ends in, word for word.
#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

struct Wrong {
  std::string file;
  std::string text;
  std::string message;
};

const std::vector<Wrong>& wrong_inputs() {
  static const std::vector<Wrong> inputs = {
      // Names.
      {"lenet.yaml",
       "net:\n  layer:\n  - name: ip1\n    type: InnerProduct\n    inner_product_param:\n      "
       "num_outputs: 5\n",
       "lenet.yaml:6:7: layer 'ip1': unknown parameter 'num_outputs'; did you mean 'num_output'?"},
      {"lenet.prototxt",
       "layer {\n  name: 'ip1' type: 'InnerProduct'\n  inner_product_param { num_outputs: 5 } }",
       "lenet.prototxt:3:25: layer 'ip1': unknown parameter 'num_outputs'; did you mean "
       "'num_output'?"},
      {"n.prototxt", "layer { name: 'p' type: 'Pooling' pooling_param { zzzzzzzz: 5 } }",
       "n.prototxt:1:51: layer 'p': unknown parameter 'zzzzzzzz'; PoolingParameter has pool, "
       "kernel_size, stride, pad"},
      {"n.prototxt", "layer { name: 'r' type: 'ReLU' bottem: 'x' }",
       "n.prototxt:1:32: layer 'r': unknown parameter 'bottem'; did you mean 'bottom'?"},
      {"n.prototxt", "layer { name: 'r' type: 'ReLU' pooling_param { } }",
       "n.prototxt:1:32: layer 'r': parameter 'pooling_param' belongs to plugin 'test.Pooling', "
       "which "
       "serves no layer of this net"},
      {"n.prototxt", "layer { name: 'r' type: 'ReLU' poolin_param { } }",
       "n.prototxt:1:32: layer 'r': unknown parameter 'poolin_param'; did you mean "
       "'pooling_param'?"},
      {"n.prototxt", "layer { name: 'p' type: 'Poling' pooling_param { pool: AVE } }",
       "n.prototxt:1:25: layer 'p': unknown type 'Poling'; did you mean 'Pooling'?"},
      {"n.prototxt", "layer { name: 'd' type: 'Date' data_param { } }",
       "n.prototxt:1:25: layer 'd': unknown type 'Date'; did you mean 'Data'?"},
      {"n.prototxt", "layer { type: 'ReLU' nam: 'x' }",
       "n.prototxt:1:22: ReLU layer without a name: unknown parameter 'nam'; did you mean 'name'?"},
      {"s.prototxt", "base_lrr: 1",
       "s.prototxt:1:1: unknown parameter 'base_lrr'; did you mean 'base_lr'?"},
      {"s.prototxt", "qwertyuiop: 1", "s.prototxt:1:1: unknown parameter 'qwertyuiop'"},
      {"j.yaml", "base_lr: 1\n",
       "j.yaml:1:1: unknown parameter 'base_lr'; a parameter of that name goes under 'solver'"},
      {"j.yaml", "slover: {}\n", "j.yaml:1:1: unknown parameter 'slover'; did you mean 'solver'?"},
      {"j.yaml", "net:\n  layer:\n    name: c\n    tpye: ReLU\n",
       "j.yaml:4:5: layer 'c': unknown parameter 'tpye'; did you mean 'type'?"},
      // Types.
      {"n.prototxt", "layer { name: c }",
       "n.prototxt:1:15: layer 'c': name: found c, expected a text in quotes"},
      {"s.prototxt", "max_iter: 1.5",
       "s.prototxt:1:11: max_iter: found 1.5, expected a whole number"},
      {"s.prototxt", "max_iter: '5'",
       "s.prototxt:1:11: max_iter: found \"5\", expected a whole number"},
      {"s.prototxt", "max_iter: 1e3",
       "s.prototxt:1:11: max_iter: found 1e3, expected a whole number"},
      {"s.prototxt", "base_lr: high", "s.prototxt:1:10: base_lr: found high, expected a number"},
      {"s.prototxt", "debug_info: yes",
       "s.prototxt:1:13: debug_info: found yes, expected true or false"},
      {"s.prototxt", "snapshot_prefix: 5",
       "s.prototxt:1:18: snapshot_prefix: found 5, expected a text in quotes"},
      {"s.prototxt", "max_iter { }",
       "s.prototxt:1:10: max_iter: found a group of parameters, expected a whole number"},
      {"s.prototxt", "train_state: 5",
       "s.prototxt:1:14: train_state: found 5, expected a group of parameters"},
      {"j.yaml", "threads: {a: 1}\n",
       "j.yaml:1:10: threads: found a group of parameters, expected a whole number"},
      {"j.yaml", "threads:\n", "j.yaml:1:1: threads: found nothing, expected a whole number"},
      {"j.yaml", "threads: four\n", "j.yaml:1:10: threads: found four, expected a whole number"},
      {"j.yaml", "solver: fast\n",
       "j.yaml:1:9: solver: found fast, expected a group of parameters"},
      {"j.yaml", "net: {layer: [5]}\n",
       "j.yaml:1:15: layer: found 5, expected a group of parameters"},
      // Number of values.
      {"j.yaml", "threads: [1, 2]\n", "j.yaml:1:11: threads: found a list, expected one value"},
      {"j.yaml", "threads: []\n", "j.yaml:1:1: threads: found a list, expected one value"},
      {"s.prototxt", "max_iter: 1 max_iter: 2", "s.prototxt:1:13: 'max_iter' is given twice"},
      {"s.prototxt", "max_iter: [1]",
       "s.prototxt:1:12: max_iter: found a list, expected one value"},
      {"n.prototxt", "layer { name: 'c' type: 'Clip'\n  clip_param { max: 1 } }",
       "n.prototxt:2:14: layer 'c': ClipParameter needs 'min', a number"},
      // Enums.
      {"n.prototxt", "layer { name: 'p' type: 'Pooling' pooling_param { pool: MAXX } }",
       "n.prototxt:1:57: layer 'p': pool: found MAXX, expected MAX, AVE or STOCHASTIC; did you "
       "mean 'MAX'?"},
      {"n.prototxt", "layer { name: 'p' type: 'Pooling' pooling_param { pool: 3 } }",
       "n.prototxt:1:57: layer 'p': pool: found 3, expected MAX, AVE or STOCHASTIC"},
      {"n.yaml", "layer: {name: p, include: {phase: TRIAN}}\n",
       "n.yaml:1:35: layer 'p': phase: found TRIAN, expected TRAIN or TEST; did you mean 'TRAIN'?"},
      {"j.yaml", "fallback: never\n",
       "j.yaml:1:11: fallback: found never, expected error, warn or allow"},
      // Ranges.
      {"s.prototxt", "max_iter: 3000000000",
       "s.prototxt:1:11: max_iter: 3000000000 is out of range, expected -2147483648 to 2147483647"},
      {"s.prototxt", "max_iter: 99999999999999999999",
       "s.prototxt:1:11: max_iter: found 99999999999999999999, expected a whole number"},
      {"s.prototxt", "max_iter: -1", "s.prototxt:1:11: max_iter: found -1, expected at least 0"},
      {"s.prototxt", "iter_size: 0", "s.prototxt:1:12: iter_size: found 0, expected at least 1"},
      {"s.prototxt", "base_lr: nan", "s.prototxt:1:10: base_lr: found nan, expected at least 0"},
      {"s.prototxt", "gamma: 1e50", "s.prototxt:1:8: gamma: 1e50 is too large for a 32-bit float"},
      {"n.prototxt", "layer { name: 'c' type: 'Convolution' convolution_param { num_output: -1 } }",
       "n.prototxt:1:71: layer 'c': num_output: -1 is out of range, expected 0 to 4294967295"},
      {"n.prototxt", "layer { name: 'c' type: 'Convolution' convolution_param { num_output: 0 } }",
       "n.prototxt:1:71: layer 'c': num_output: found 0, expected at least 1"},
      {"n.prototxt", "layer { name: 's' type: 'Swish' swish_param { beta: 11 } }",
       "n.prototxt:1:53: layer 's': beta: found 11, expected 0 to 10"},
      {"j.yaml", "threads: 0\n", "j.yaml:1:10: threads: found 0, expected at least 1"},
      // Syntax.
      {"n.prototxt", "layer {\n  name: 'c'\n",
       "n.prototxt:3:1: found the end of the file, expected '}' to close the '{' of line 1"},
      {"n.prototxt", "layer { name: 'c' > ",
       "n.prototxt:1:19: found '>', expected the name of a parameter"},
      {"n.prototxt", "layer < name: 'c' }",
       "n.prototxt:1:19: found '}', expected the name of a parameter"},
      {"n.prototxt", "layer { name 'c' }",
       "n.prototxt:1:14: found 'c', expected ':' or '{' after 'name'"},
      {"n.prototxt", "layer { name: }", "n.prototxt:1:15: found '}', expected a value"},
      {"n.prototxt", "layer { bottom: ['a' 'b'; 'c'] }",
       "n.prototxt:1:25: found ';', expected ',' or ']'"},
      {"n.prototxt", "<!DOCTYPE html>",
       "n.prototxt:1:1: found '<', expected the name of a parameter"},
      {"n.prototxt", "name: 'a\\q'", "n.prototxt:1:10: Invalid escape sequence in string literal."},
      {"n.prototxt", "name: 'a'\n\x01",
       "n.prototxt:2:1: Invalid control characters encountered in text."},
      {"n.prototxt", "[ext.field]: 5",
       "n.prototxt:1:1: found '[', expected the name of a parameter"},
      {"j.yaml", "threads: 1\nthreads: 1\n", "j.yaml:2:1: 'threads' is given twice"},
  };
  return inputs;
}

TEST_CASE("each wrong configuration ends in its message") {
  for (const Wrong& wrong : wrong_inputs()) {
    CAPTURE(wrong.text);
    CHECK(error_in(wrong.text, wrong.file) == wrong.message);
  }
}

TEST_CASE("wrong configurations are wrong input, which dlrun ends with exit code 2") {
  try {
    parse("base_lrr: 1");
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::kWrongInput);
    CHECK(error.where().line == 1);
  }
}

TEST_CASE(
    "the schema of a used type that is bad is told with the plugin's file; others don't matter") {
  std::vector<FakePlugin> plugins = usual_plugins();
  plugins.push_back({"layer", "Broken", "message Broken { optional floot x = 1; }"});
  FakePlugins source(plugins);
  const auto check = [&](const char* text) {
    return error_of([&] { parse_job(text, "n.prototxt", source); });
  };
  CHECK(check("layer { name: 'r' type: 'ReLU' }") == "no error");
  CHECK(check("layer { name: 'r' type: 'ReLU' typo: 1 }").find("did you mean 'type'") !=
        std::string::npos);
  CHECK(check("layer { name: 'b' type: 'Broken' }") ==
        "Broken.proto:1:27: Broken.x: \"floot\" is not defined.");
}

}  // namespace
}  // namespace dlrun::config::test
