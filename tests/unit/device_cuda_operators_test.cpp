// The cuda device's operators on the double: what is asked of cuBLAS and cuDNN, against the
// definition or the cpu device; and what is declined.
#include <cmath>

#include "tests/unit/device_cuda_host.hpp"

using namespace device_test;
using dlrun::OperatorDesc;
using dlrun::Shape;

namespace {

// Runs an operator with each argument's elements, on any device; gives them back.
template <class Real>
std::vector<std::vector<Real>> run_on_cuda(const CudaOnDouble& cuda, OperatorDesc op,
                                           std::vector<std::vector<Real>> args) {
  std::vector<std::unique_ptr<DeviceMemory>> memories;
  std::vector<dlr_mem> mems;
  for (const std::vector<Real>& arg : args) {
    memories.push_back(arg.empty() ? nullptr : std::make_unique<DeviceMemory>(cuda.plugin(), arg));
    mems.push_back(arg.empty() ? dlr_mem{} : memories.back()->mem());
  }
  op.with_desc([&](dlr_op_desc& desc) {
    dlr_plan* plan = nullptr;
    check(cuda.type().plan(cuda.device(), &desc, &plan));
    const DeviceMemory workspace(cuda.plugin(), desc.workspace_bytes + 1);
    dlr_error* error = cuda.type().run(cuda.device(), nullptr, plan, mems.data(),
                                       static_cast<uint32_t>(mems.size()), workspace.mem(), {});
    cuda.type().destroy_plan(cuda.device(), plan);
    check(error);
  });
  for (size_t i = 0; i < args.size(); ++i) {
    if (memories[i]) args[i] = memories[i]->template elements<Real>();
  }
  return args;
}

template <class Real>
void check_near(const std::vector<Real>& found, const std::vector<Real>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("element ", i, ": ", found[i], ", expected ", expected[i]);
    CHECK(std::abs(found[i] - expected[i]) <= (sizeof(Real) == 4 ? 1e-5 : 1e-12));
  }
}

// Why the device declines it; "" when it doesn't.
std::string reason(const CudaOnDouble& cuda, OperatorDesc op, const char* fused = nullptr) {
  std::string why;
  op.with_desc([&](dlr_op_desc& desc) {
    dlr_post_op post{};
    post.size = sizeof post;
    post.operand = -1;
    const dlr_post_op* const posts[] = {&post};
    if (fused != nullptr) {
      post.kind = dlrun::to_abi(fused);
      desc.post_ops = posts;
      desc.n_post_ops = 1;
    }
    dlr_plan* plan = nullptr;
    try {
      check(cuda.type().plan(cuda.device(), &desc, &plan));
      cuda.type().destroy_plan(cuda.device(), plan);
    } catch (const Refused& refused) {
      CHECK(refused.code == DLR_UNIMPLEMENTED);
      why = refused.what();
    }
  });
  return why;
}

OperatorDesc convolution(uint32_t dtype, bool bias) {
  OperatorDesc op("convolution_forward");
  op.attribute("kernel", {1, 2}).attribute("stride", {1, 1}).attribute("pad", {0, 0});
  op.attribute("dilation", {1, 1}).attribute("group", 1);
  op.argument({1, 1, 1, 3}, dtype).argument({1, 1, 1, 2}, dtype);
  if (bias) {
    op.argument({1}, dtype);
  } else {
    op.no_argument();
  }
  return op.argument({1, 1, 1, 2}, dtype);
}

OperatorDesc average(const char* direction, const Shape& from, const Shape& to, int64_t pad) {
  OperatorDesc op(std::string("pooling_average_") + direction);
  op.attribute("kernel", {2, 2}).attribute("stride", {2, 2}).attribute("pad", {pad, pad});
  return op.argument(from, DLR_F32).argument(to, DLR_F32);
}

OperatorDesc batch_norm(const char* direction, bool global, int n_shapes) {
  OperatorDesc op(std::string("batch_norm_") + direction);
  op.attribute("global", global).number("epsilon", 0.5);
  op.argument({2, 2, 3}, DLR_F64).argument({2}, DLR_F64).argument({2}, DLR_F64);
  for (int i = 0; i < n_shapes; ++i)
    op.argument({2, 2, 3}, DLR_F64);
  return op;
}

}  // namespace

TEST_CASE_TEMPLATE("cuda multiplies row-major matrices", Real, float, double) {
  const CudaOnDouble cuda;
  const uint32_t dtype = sizeof(Real) == 4 ? DLR_F32 : DLR_F64;
  const int64_t m = 3, n = 4, k = 5, lda = 7, ldb = 8, ldc = 6;
  for (const int transposed : {0, 1, 2, 3}) {
    const bool ta = transposed & 1, tb = transposed & 2;
    const auto a = random_reals<Real>(static_cast<size_t>(lda * (ta ? k : m)), 1);
    const auto b = random_reals<Real>(static_cast<size_t>(ldb * (tb ? n : k)), 2);
    const auto c = random_reals<Real>(static_cast<size_t>(ldc * m), 3);
    OperatorDesc op("gemm");
    op.attribute("m", m).attribute("n", n).attribute("k", k);
    op.attribute("transpose_a", ta).attribute("transpose_b", tb);
    op.attribute("lda", lda).attribute("ldb", ldb).attribute("ldc", ldc);
    op.number("alpha", 2).number("beta", 0.5);
    op.argument({static_cast<int64_t>(a.size())}, dtype)
        .argument({static_cast<int64_t>(b.size())}, dtype);
    op.argument({static_cast<int64_t>(c.size())}, dtype);
    std::vector<Real> expected = c;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += a[static_cast<size_t>(ta ? l * lda + i : i * lda + l)] *
                 b[static_cast<size_t>(tb ? j * ldb + l : l * ldb + j)];
        Real& to = expected[static_cast<size_t>(i * ldc + j)];
        to = static_cast<Real>(2 * sum + 0.5 * to);
      }
    }
    check_near(run_on_cuda<Real>(cuda, op, {a, b, c})[2], expected);
  }
}

TEST_CASE("cuda adds into outputs where it is asked to, and says so") {
  const CudaOnDouble cuda;
  OperatorDesc op("convolution_backward_weights");
  op.attribute("kernel", {1, 2}).attribute("stride", {1, 1}).attribute("pad", {0, 0});
  op.attribute("dilation", {1, 1}).attribute("group", 1);
  op.argument({1, 1, 1, 3}, DLR_F64).argument({1, 1, 1, 2}, DLR_F64);
  op.argument({1, 1, 1, 2}, DLR_F64).argument({1}, DLR_F64).accumulate();
  op.with_desc([&](dlr_op_desc& desc) {
    dlr_plan* plan = nullptr;
    check(cuda.type().plan(cuda.device(), &desc, &plan));
    CHECK(desc.accumulate_accepted == 1);
    cuda.type().destroy_plan(cuda.device(), plan);
  });
  const auto found = run_on_cuda<double>(cuda, op, {{1, 2, 3}, {10, 100}, {1000, 2000}, {5}});
  check_near(found[2], {1210, 2320});
  check_near(found[3], {115});
}

TEST_CASE("cuda convolves, with a bias and a ReLU in one call") {
  const CudaOnDouble cuda;
  const auto y =
      run_on_cuda<double>(cuda, convolution(DLR_F64, true), {{1, 2, -7}, {3, 1}, {-1}, {0, 0}});
  check_near(y[3], {4, -2});
  CHECK(reason(cuda, convolution(DLR_F32, true), "relu") == "");
  CHECK(reason(cuda, convolution(DLR_F32, false), "relu").find("behind a bias") !=
        std::string::npos);
  CHECK(reason(cuda, convolution(DLR_F32, true), "tanh").find("nothing else") != std::string::npos);
}

TEST_CASE("cuda averages windows that stay inside, and declines those that don't") {
  const CudaOnDouble cuda;
  const auto y = run_on_cuda<float>(cuda, average("forward", {1, 1, 2, 2}, {1, 1, 2, 2}, 1),
                                    {{4, 8, 12, 16}, {0, 0, 0, 0}});
  check_near(y[1], {1, 2, 3, 4});
  const auto dx = run_on_cuda<float>(cuda, average("backward", {1, 1, 1, 1}, {1, 1, 2, 2}, 0),
                                     {{8}, {0, 0, 0, 0}});
  check_near(dx[1], {2, 2, 2, 2});
  CHECK(reason(cuda, average("forward", {1, 1, 3, 3}, {1, 1, 2, 2}, 0)).find("leave the padded") !=
        std::string::npos);
}

TEST_CASE("cuda normalises batches where cuDNN does it as described") {
  const CudaOnDouble cuda;
  const auto x = random_reals<double>(12, 4);
  const auto dy = random_reals<double>(12, 5);
  const auto channel = [](size_t i) { return i / 3 % 2; };
  std::vector<double> mean(2), variance(2), gradient(2), product(2), y(12), dx(12);
  for (size_t i = 0; i < 12; ++i)
    mean[channel(i)] += x[i] / 6;
  for (size_t i = 0; i < 12; ++i)
    variance[channel(i)] += std::pow(x[i] - mean[channel(i)], 2) / 6;
  for (size_t i = 0; i < 12; ++i) {
    y[i] = (x[i] - mean[channel(i)]) / std::sqrt(variance[channel(i)] + 0.5);
    gradient[channel(i)] += dy[i] / 6;
    product[channel(i)] += dy[i] * y[i] / 6;
  }
  for (size_t i = 0; i < 12; ++i) {
    dx[i] = (dy[i] - gradient[channel(i)] - y[i] * product[channel(i)]) /
            std::sqrt(variance[channel(i)] + 0.5);
  }
  const std::vector<double> out(12);
  check_near(run_on_cuda<double>(cuda, batch_norm("forward", true, 1), {x, mean, variance, out})[3],
             y);
  check_near(
      run_on_cuda<double>(cuda, batch_norm("backward", false, 2), {x, mean, variance, dy, out})[4],
      dx);
  CHECK(reason(cuda, batch_norm("forward", false, 1)).find("not its variance") !=
        std::string::npos);
  CHECK(reason(cuda, batch_norm("backward", true, 2)).find("no gradient") != std::string::npos);
}

TEST_CASE("cuda says why it declines") {
  const CudaOnDouble cuda;
  OperatorDesc sum("sum");
  sum.argument({2}, DLR_F32).argument({2}, DLR_F32).argument({2}, DLR_F32);
  CHECK(reason(cuda, sum) == "cuda runs portable kernels for it");
  OperatorDesc empty("softmax_forward");
  empty.attribute("axis", 1).argument({0, 3}, DLR_F32).argument({0, 3}, DLR_F32);
  CHECK(reason(cuda, empty) == "cuDNN takes no empty tensors");
  OperatorDesc pooling("pooling_max_forward");
  pooling.attribute("kernel", 2).attribute("stride", 2).attribute("pad", 0);
  pooling.attribute("training", 1).argument({1, 1, 4}, DLR_F32).argument({1, 1, 2}, DLR_F32);
  CHECK(reason(cuda, pooling).find("the layer's kernels keep the place") != std::string::npos);
}
