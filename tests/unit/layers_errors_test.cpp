// Wrong parameters and shapes: each layer says where, what was found and what was expected.
#include <doctest/doctest.h>

#include "tests/unit/layers_bench.hpp"

namespace dlrun::test {
namespace {

struct Wrong {
  const char*
      layer;  // its fields, in line 4 of the net; inputs are x [2,3,4,5], v [2,6] and w [2,3]
  const char* message;  // that the error contains
};

const Wrong kWrong[] = {
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { kernel_size: 3 }",
     "num_output must be set, and at least 1"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 }",
     "kernel_size is missing; or set kernel_h and kernel_w"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_h: 3 }",
     "kernel_w is missing"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 3 "
     "kernel_h: 3 }",
     "kernel_size and kernel_h or kernel_w are both set"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 3 "
     "kernel_size: 3 "
     "kernel_size: 3 }",
     "kernel_size has 3 values, but the bottom has 2 spatial axes"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 6 }",
     "the kernel covers 6 elements of an axis that has 4 with its padding; the bottom has shape "
     "2x3x4x5"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 3 kernel_size: 1 "
     "group: 2 }",
     "num_output 3 can't be divided into group 2"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 1 "
     "group: 2 }",
     "the bottom's 3 channels can't be divided into group 2"},
    {"type: 'Convolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 1 "
     "axis: 4 }",
     "axis 4 is out of range for shape 2x3x4x5"},
    {"type: 'Convolution' bottom: 'x' bottom: 'v' top: 'y' top: 'z' convolution_param { "
     "num_output: 2 kernel_size: 1 }",
     "bottom 1 has shape 2x6, but bottom 0 has 2x3x4x5"},
    {"type: 'Convolution' bottom: 'x' bottom: 'x' top: 'y' convolution_param { num_output: 2 "
     "kernel_size: 1 }",
     "there are 2 bottoms and 1 tops; give each bottom one top"},
    {"type: 'Deconvolution' bottom: 'x' top: 'y' convolution_param { kernel_size: 3 }",
     "num_output must be set, and at least 1"},
    {"type: 'Deconvolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 3 "
     "pad: 3 }",
     "the output covers 6 elements along an axis, and pad cuts off 6 of them; the bottom has shape "
     "2x3x4x5"},
    {"type: 'Deconvolution' bottom: 'x' top: 'y' convolution_param { num_output: 2 kernel_size: 1 "
     "group: 2 }",
     "the bottom's 3 channels can't be divided into group 2"},
    {"type: 'BatchNorm' bottom: 'x' top: 'y' param { lr_mult: 1 }",
     "the parameters of BatchNorm are running averages, which aren't learned; remove lr_mult"},
    {"type: 'Scale' bottom: 'x' top: 'y' scale_param { axis: 4 }",
     "axis 4 is out of range for shape 2x3x4x5"},
    {"type: 'Scale' bottom: 'x' top: 'y' scale_param { axis: 2 num_axes: 3 }",
     "num_axes is 3, but the bottom of shape 2x3x4x5 has 2 axes from axis 2 on"},
    {"type: 'Scale' bottom: 'x' bottom: 'w' top: 'y'",
     "bottom 1 has shape 2x3, which isn't that of bottom 0, 2x3x4x5, from axis 1 on; set "
     "scale_param.axis"},
    {"type: 'SigmoidCrossEntropyLoss' bottom: 'v' bottom: 'w' top: 'y'",
     "the scores have shape 2x6 and the targets 2x3; expected a target for each score"},
    {"type: 'Pooling' bottom: 'x' top: 'y'",
     "kernel_size is missing; or set kernel_h and kernel_w, or global_pooling"},
    {"type: 'Pooling' bottom: 'x' top: 'y' pooling_param { kernel_size: 2 pad: 2 }",
     "a pad of 2 leaves windows of size 2 without any input"},
    {"type: 'Pooling' bottom: 'x' top: 'y' pooling_param { kernel_size: 5 }",
     "the window covers 5 elements of an axis that has 4"},
    {"type: 'Pooling' bottom: 'x' top: 'y' pooling_param { global_pooling: true kernel_size: 2 }",
     "remove kernel_size"},
    {"type: 'Pooling' bottom: 'x' top: 'y' pooling_param { global_pooling: true stride: 2 }",
     "global_pooling allows no pad and no stride"},
    {"type: 'Pooling' bottom: 'v' top: 'y' pooling_param { kernel_size: 1 }",
     "expected N x C and 1 to 3 spatial axes"},
    {"type: 'Pooling' bottom: 'x' top: 'y' top: 'z' pooling_param { kernel_size: 2 pool: AVE }",
     "a second top holds where values were taken from"},
    {"type: 'LRN' bottom: 'x' top: 'y' lrn_param { local_size: 4 }",
     "local_size is 4, expected an odd number"},
    {"type: 'LRN' bottom: 'v' top: 'y' lrn_param { norm_region: WITHIN_CHANNEL }",
     "expected N x C x H x W"},
    {"type: 'InnerProduct' bottom: 'x' top: 'y'", "num_output must be set, and at least 1"},
    {"type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 axis: -5 }",
     "axis -5 is out of range"},
    {"type: 'Dropout' bottom: 'x' top: 'y' dropout_param { dropout_ratio: 1 }",
     "expected at least 0 and less than 1"},
    {"type: 'Concat' bottom: 'x' bottom: 'v' top: 'y'", "they may differ in axis 1 only"},
    {"type: 'Concat' bottom: 'v' bottom: 'w' top: 'y' concat_param { axis: 0 }",
     "bottom 1 has shape 2x3 and bottom 0 2x6; they may differ in axis 0 only"},
    {"type: 'Concat' bottom: 'v' bottom: 'w' top: 'y' concat_param { axis: 1 concat_dim: 1 }",
     "remove concat_dim"},
    {"type: 'Eltwise' bottom: 'v' bottom: 'w' top: 'y'",
     "bottom 1 has shape 2x3, but bottom 0 has 2x6"},
    {"type: 'Eltwise' bottom: 'v' top: 'y'", "bottom"},
    {"type: 'Eltwise' bottom: 'v' bottom: 'v' top: 'y' eltwise_param { coeff: 1 }",
     "coeff has 1 values for 2 bottoms"},
    {"type: 'Eltwise' bottom: 'v' bottom: 'v' top: 'y' eltwise_param { operation: MAX coeff: 1 "
     "coeff: 1 }",
     "coeff is for operation: SUM only, found MAX"},
    {"type: 'Flatten' bottom: 'x' top: 'y' flatten_param { axis: 3 end_axis: 1 }",
     "which comes before axis 3"},
    {"type: 'Reshape' bottom: 'x' top: 'y' reshape_param { shape { dim: 7 dim: -1 } }",
     "don't divide"},
    {"type: 'Reshape' bottom: 'x' top: 'y' reshape_param { shape { dim: -1 dim: -1 } }",
     "-1 stands in shape more than once"},
    {"type: 'Reshape' bottom: 'x' top: 'y' reshape_param { shape { dim: -2 } }",
     "dim is -2, expected -1, 0 or a size"},
    {"type: 'Reshape' bottom: 'v' top: 'y' reshape_param { shape { dim: 2 dim: 6 dim: 0 } }",
     "would keep axis 2"},
    {"type: 'Reshape' bottom: 'v' top: 'y' reshape_param { axis: 1 num_axes: 3 shape { dim: 6 } }",
     "3 axes from axis 1 on"},
    {"type: 'Reshape' bottom: 'v' top: 'y' reshape_param { shape { dim: 2 dim: 5 } }",
     "has 12 elements, the top of shape 2x5 would have 10"},
    {"type: 'Softmax' bottom: 'v' top: 'y' softmax_param { axis: 2 }",
     "axis 2 is out of range for shape 2x6"},
    {"type: 'SoftmaxWithLoss' bottom: 'v' bottom: 'w' top: 'y'",
     "expected a label for each of the 2 positions"},
    {"type: 'EuclideanLoss' bottom: 'v' bottom: 'w' top: 'y'",
     "the bottoms have shapes 2x6 and 2x3"},
    {"type: 'Accuracy' bottom: 'v' bottom: 'w' top: 'y'",
     "expected a label for each of the 2 positions"},
    {"type: 'Accuracy' bottom: 'v' bottom: 'v' top: 'y' accuracy_param { top_k: 7 }",
     "top_k is 7, but there are only 6 classes"},
    {"type: 'Input' top: 'y' top: 'z' top: 'u' input_param { shape { dim: 1 } shape { dim: 2 } }",
     "input_param has 2 shapes, but there are 3 tops"},
    {"type: 'Input' top: 'y'", "input_param has 0 shapes"},
    {"type: 'Input' top: 'y' input_param { shape { dim: -3 } }", "dim is -3, expected 0 or more"},
    {"type: 'DummyData' top: 'y'", "shape is given 0 times for 1 tops"},
    {"type: 'DummyData' top: 'y' dummy_data_param { num: 2 channels: 3 }",
     "height is given 0 times and num 1 times"},
};

std::string net_with(const std::string& layer) {
  return "layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 dim: 4 dim: "
         "5 } } }\n"
         "layer { name: 'v' type: 'Input' top: 'v' input_param { shape { dim: 2 dim: 6 } } }\n"
         "layer { name: 'w' type: 'Input' top: 'w' input_param { shape { dim: 2 dim: 3 } } }\n"
         "layer { name: 'tested' " +
         layer + " }";
}

TEST_CASE(
    "a wrong parameter or shape is an error at its line that says what was found and expected") {
  LayersBench bench(Operators::kNone);
  for (const Wrong& wrong : kWrong) {
    INFO(wrong.layer);
    const std::string found = failure_of([&] { bench.make_net(net_with(wrong.layer), {}); });
    INFO(found);
    CHECK(found.find("test.prototxt:4:") == 0);
    CHECK(found.find("layer 'tested': ") != std::string::npos);
    CHECK(found.find(wrong.message) != std::string::npos);
  }
}

}  // namespace
}  // namespace dlrun::test
