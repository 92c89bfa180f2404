// A job of transposed convolutions.
#pragma once

namespace dlrun::test {

// Transposed convolutions: bias and ReLU go with the first, the second has neither.
inline const char* const kGenerator = R"(
solver: {type: SGD, base_lr: 0.001, lr_policy: fixed, momentum: 0.9, max_iter: 1, random_seed: 3}
net:
  name: generator
  layer:
    - {name: data, type: DummyData, top: [x, label],
       dummy_data_param: {shape: [{dim: [4, 128, 4, 4]}, {dim: [4]}],
                          data_filler: [{type: gaussian}, {type: constant, value: 1}]}}
    - {name: up1, type: Deconvolution, bottom: x, top: up1,
       convolution_param: {num_output: 96, kernel_size: 4, stride: 2, pad: 1, weight_filler: {type: xavier},
                           bias_filler: {type: constant, value: 0.1}}}
    - {name: relu1, type: ReLU, bottom: up1, top: up1}
    - {name: up2, type: Deconvolution, bottom: up1, top: up2,
       convolution_param: {num_output: 64, kernel_size: 2, stride: 2, bias_term: false, weight_filler: {type: xavier}}}
    - {name: ip, type: InnerProduct, bottom: up2, top: ip,
       inner_product_param: {num_output: 4, weight_filler: {type: xavier}}}
    - {name: loss, type: SoftmaxWithLoss, bottom: [ip, label], top: loss}
)";

}  // namespace dlrun::test
