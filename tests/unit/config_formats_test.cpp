// The upgrades of old formats: each old text must resolve to what today's text says.
#include <doctest/doctest.h>

#include "tests/unit/config_plugins.hpp"

namespace dlrun::config::test {
namespace {

std::string net_of(const std::string& text) {
  const Job job = parse(text, "net.prototxt");
  return to_prototxt(job.train_net);
}

TEST_CASE("solver_type becomes type, by name and by number") {
  CHECK(parse("solver_type: ADAM lr_policy: 'fixed'").solver.text("type") == "Adam");
  CHECK(parse("solver_type: 0 lr_policy: 'fixed'").solver.text("type") == "SGD");
  CHECK(parse("lr_policy: 'fixed'").solver.text("type") == "SGD");
  CHECK(error_in("\nsolver_type: ADAMM") ==
        "net.prototxt:2:14: solver_type: found ADAMM, expected one of SGD, NESTEROV, ADAGRAD, "
        "RMSPROP, ADADELTA, ADAM; did you mean 'ADAM'?");
  CHECK(error_in("type: 'SGD'\nsolver_type: SGD") ==
        "net.prototxt:2:14: solver_type and type are both given; keep type");
}

TEST_CASE("a solver without lr_policy keeps its rate, and says so") {
  const Job job = parse("base_lr: 0.1", "solver.prototxt");
  CHECK(job.solver.text("lr_policy") == "fixed");
  REQUIRE(job.document->notices().size() == 1);
  CHECK(job.document->notices()[0] ==
        "solver.prototxt: the solver has no lr_policy; 'fixed' is taken");
  CHECK(parse("lr_policy: 'step'").document->notices().empty());
}

TEST_CASE("input with input_dim or input_shape becomes a layer in front") {
  const std::string today =
      "layer { name: 'input' type: 'Input' top: 'a' top: 'b' input_param {"
      " shape { dim: 1 dim: 3 dim: 4 dim: 5 } shape { dim: 2 dim: 3 dim: 6 dim: 7 } } }"
      "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'a' }";
  const std::string rest = "layer { name: 'r' type: 'ReLU' bottom: 'a' top: 'a' }";
  CHECK(net_of("input: 'a' input_dim: [1, 3, 4, 5] input: 'b' input_dim: [2, 3, 6, 7] " + rest) ==
        net_of(today));
  CHECK(
      net_of("input: 'a' input: 'b' input_shape { dim: [1, 3, 4, 5] } input_shape { dim: [2, 3, 6, "
             "7] } " +
             rest) == net_of(today));
}

TEST_CASE("inputs and their shapes must be as many") {
  CHECK(error_in("input: 'a'\ninput_dim: 1") ==
        "net.prototxt:2:1: 1 input_dim for 1 input, expected 4 for each");
  CHECK(error_in("input: 'a' input: 'b'\ninput_shape { dim: 1 }") ==
        "net.prototxt:2:1: 1 input_shape for 2 input, expected one for each");
  CHECK(error_in("input: 'a' input_shape { dim: 1 }\ninput_dim: 1") ==
        "net.prototxt:2:1: input_dim and input_shape are both given; keep input_shape");
  CHECK(error_in("name: 'n'\ninput_dim: 1") == "net.prototxt:2:1: input_dim without an 'input'");
}

TEST_CASE("layers of the second generation become today's, multipliers and sharing included") {
  CHECK(net_of("layers { name: 'c' type: CONVOLUTION bottom: 'x' top: 'y' blobs_lr: 1 blobs_lr: 2"
               " weight_decay: 1 weight_decay: 0 param: 'w' blob_share_mode: PERMISSIVE"
               " convolution_param { num_output: 3 } include: { phase: TRAIN } }"
               "layers { name: 'l' type: SOFTMAX_LOSS bottom: 'y' loss_weight: 2 }") ==
        net_of("layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'y'"
               " param { name: 'w' share_mode: PERMISSIVE lr_mult: 1 decay_mult: 1 }"
               " param { lr_mult: 2 decay_mult: 0 }"
               " convolution_param { num_output: 3 } include { phase: TRAIN } }"
               "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'y' loss_weight: 2 }"));
}

TEST_CASE("errors in old layers point to the old text") {
  CHECK(
      error_in("layers {\n name: 'c'\n type: CONVOLUTON }") ==
      "net.prototxt:3:8: layer 'c': unknown type 'CONVOLUTON' in a net of the old format; did you "
      "mean 'CONVOLUTION'?");
  CHECK(error_in("layers { name: 'c' type: 'Convolution' }") ==
        "net.prototxt:1:26: layer 'c': within 'layers' the type is written CONVOLUTION; or write "
        "'layer' for 'layers' throughout");
  CHECK(error_in("layers { name: 'c' type: CONVOLUTION\n  blob_lr: 1 }") ==
        "net.prototxt:2:3: layer 'c': unknown parameter 'blob_lr'; did you mean 'blobs_lr'?");
  CHECK(error_in("layers { name: 'c' type: CONVOLUTION\n  blobs_lr: high }") ==
        "net.prototxt:2:13: layer 'c': lr_mult: found high, expected a number");
  CHECK(
      error_in("layers { name: 'c' type: RELU param { lr_mult: 1 } }") ==
      "net.prototxt:1:31: layer 'c': param: found a group of parameters, which is how 'layer' has "
      "it; within 'layers' it is a plain value");
  CHECK(
      error_in("layers { name: 'c' type: CONVOLUTION\n convolution_param { num_outputs: 1 } }") ==
      "net.prototxt:2:22: layer 'c': unknown parameter 'num_outputs'; did you mean 'num_output'?");
  CHECK(error_in("layer { name: 'a' type: 'ReLU' }\nlayers { name: 'b' type: RELU }") ==
        "net.prototxt:2:1: 'layer' and 'layers' in one net: they are of different ages; write "
        "'layer'");
}

TEST_CASE("layers of the first generation become today's") {
  CHECK(
      net_of("layers { layer { name: 'd' type: 'data' source: 'db' batchsize: 8 scale: 0.5 "
             "meanfile: 'm'"
             " cropsize: 27 mirror: true } top: 'data' }"
             "layers { layer { name: 'c' type: 'conv' num_output: 3 kernelsize: 5 biasterm: false"
             " weight_filler { type: 'xavier' } blobs_lr: 1. blobs_lr: 2. weight_decay: 1. }"
             " bottom: 'data' top: 'c' }"
             "layers { layer { name: 'p' type: 'pool' pool: AVE kernelsize: 2 stride: 2 }"
             " bottom: 'c' top: 'p' }"
             "layers { layer { name: 'f' type: 'innerproduct' num_output: 10 } bottom: 'p' top: "
             "'f' }") ==
      net_of("layer { name: 'd' type: 'Data' top: 'data' data_param { source: 'db' batch_size: 8 }"
             " transform_param { scale: 0.5 mean_file: 'm' crop_size: 27 mirror: true } }"
             "layer { name: 'c' type: 'Convolution' bottom: 'data' top: 'c'"
             " param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 }"
             " convolution_param { num_output: 3 kernel_size: 5 bias_term: false"
             " weight_filler { type: 'xavier' } } }"
             "layer { name: 'p' type: 'Pooling' bottom: 'c' top: 'p'"
             " pooling_param { pool: AVE kernel_size: 2 stride: 2 } }"
             "layer { name: 'f' type: 'InnerProduct' bottom: 'p' top: 'f'"
             " inner_product_param { num_output: 10 } }"));
}

TEST_CASE("a padding layer of the first generation goes into the layer behind it") {
  CHECK(
      net_of("layers { layer { name: 'pad1' type: 'padding' pad: 2 } bottom: 'x' top: 'pad1' }"
             "layers { layer { name: 'c' type: 'conv' num_output: 1 } bottom: 'pad1' top: 'c' }") ==
      net_of("layer { name: 'c' type: 'Convolution' bottom: 'x' top: 'c'"
             " convolution_param { num_output: 1 pad: 2 } }"));
  CHECK(
      error_in("layers { layer { name: 'pad1' type: 'padding' pad: 2 } bottom: 'x' top: 'pad1' }\n"
               "layers { layer { name: 'r' type: 'relu' } bottom: 'pad1' top: 'r' }") ==
      "net.prototxt:2:43: the output of a padding layer goes to a layer that can't pad its input");
}

TEST_CASE("errors in the oldest layers point to the old text") {
  CHECK(error_in("layers { layer { name: 'c'\n type: 'conw' } }") ==
        "net.prototxt:2:8: layer 'c': unknown type 'conw' in a net of the oldest format; did you "
        "mean "
        "'conv'?");
  CHECK(error_in("layers { layer { name: 'c' type: 'relu'\n num_output: 3 } }") ==
        "net.prototxt:2:2: layer 'c': unknown parameter 'num_output' of type 'relu'");
  CHECK(error_in("layers { layer { name: 'c' type: 'conv'\n kernel_size: 3 } }") ==
        "net.prototxt:2:2: layer 'c': unknown parameter 'kernel_size' of type 'conv'; did you mean "
        "'kernelsize'?");
}

TEST_CASE("transform fields of a data layer move into transform_param") {
  CHECK(
      net_of(
          "layers { name: 'd' type: DATA top: 'x' data_param { source: 's' mean_file: 'm' scale: 2"
          " crop_size: 3 mirror: true } }") ==
      net_of("layer { name: 'd' type: 'Data' top: 'x' data_param { source: 's' }"
             " transform_param { scale: 2 mean_file: 'm' crop_size: 3 mirror: true } }"));
  CHECK(error_in("layer { name: 'd' type: 'Data' transform_param { scale: 1 }\n data_param { "
                 "scale: 2 } }") == "net.prototxt:2:15: layer 'd': 'scale' is given twice");
}

TEST_CASE(
    "transform fields in a data layer of today, which Caffe ignores, are used with a notice") {
  const Job job = parse("layer { name: 'd' type: 'Data' data_param { scale: 2 } }", "n.prototxt");
  CHECK(job.train_net.message("layer").message("transform_param").number("scale") == 2);
  CHECK(
      job.document->notices() ==
      std::vector<std::string>{"n.prototxt:1:7: layer 'd': its own scale, mean_file, crop_size or "
                               "mirror are taken as transform_param's"});
}

TEST_CASE("the averages of BatchNorm are never learned") {
  CHECK(net_of("layer { name: 'b' type: 'BatchNorm' param { lr_mult: 1 } param { decay_mult: 3 } "
               "param {} }") ==
        net_of("layer { name: 'b' type: 'BatchNorm' param { lr_mult: 0 decay_mult: 0 }"
               " param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 } }"));
}

TEST_CASE("a net in an old format says so once") {
  const Job job =
      parse("layers { name: 'a' type: RELU } layers { name: 'b' type: RELU }", "n.prototxt");
  CHECK(
      job.document->notices() ==
      std::vector<std::string>{"n.prototxt: written in an old format ('layers'), read as today's"});
}

}  // namespace
}  // namespace dlrun::config::test
