// cpu_operators: times the operators of LeNet (batch 64) and AlexNet (batch 16) on a host device's
// plugin, forward and backward, beside the device's own matrix product at n = 4096. Each time is
// the least of several runs.
//
//   cpu_operators PLUGIN.so [THREADS [gemm|lenet|alexnet]]
//
// With one thread, time is the processor's time for this process, which holds on a busy machine,
// too.
#include <time.h>

#include <cstdio>

#include "tests/unit/device_plugin.hpp"

namespace {

using device_test::Bytes;
using device_test::DevicePlugin;
using dlrun::OperatorDesc;
using dlrun::Shape;

// Memory of plausible values: half of them zero, as behind a ReLU.
std::unique_ptr<Bytes> values(int64_t count) {
  auto bytes = std::make_unique<Bytes>(static_cast<uint64_t>(count) * sizeof(float));
  for (int64_t i = 0; i < count; ++i) {
    bytes->as<float>()[i] =
        static_cast<float>(std::max<int64_t>(0, i * 7919 % 2001 - 1000)) / 1000.0f;
  }
  return bytes;
}

double seconds() {
  timespec now{};
  clock_gettime(device_test::configured_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC,
                &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Bench {
 public:
  explicit Bench(const DevicePlugin& plugin) : plugin_(plugin) {}

  // Arguments of `op` of these shapes; an empty shape (rank 0) is an absent argument. Returns the
  // least seconds.
  double time(OperatorDesc op, const std::vector<Shape>& shapes, Bytes* reserve = nullptr) {
    std::vector<std::unique_ptr<Bytes>> memories;
    std::vector<dlr_mem> mems;
    for (const Shape& shape : shapes) {
      if (shape.rank() == 0) {
        op.no_argument();
        mems.push_back({});
        continue;
      }
      op.argument(shape, DLR_F32);
      memories.push_back(values(shape.count()));
      mems.push_back(memories.back()->mem());
    }
    const auto plan = plugin_.plan(op);
    double least = 1e9;
    const double end = seconds() + kSeconds;
    for (int run = 0; run < kLeastRuns || seconds() < end; ++run) {
      const double begin = seconds();
      plan->run(mems, reserve != nullptr ? reserve->mem() : dlr_mem{});
      least = std::min(least, seconds() - begin);
    }
    return least;
  }

  void report(const std::string& name, double flops, double seconds) {
    if (flops > 0) {
      std::printf("  %-28s %9.3f ms %8.1f GFLOP/s\n", name.c_str(), seconds * 1e3,
                  flops / seconds * 1e-9);
      products_ += seconds;
      flops_ += flops;
    } else {
      std::printf("  %-28s %9.3f ms\n", name.c_str(), seconds * 1e3);
      others_ += seconds;
    }
  }

  void total(const char* net, double gemm_rate) {
    const double rate = flops_ / products_;
    std::printf("  %s: products %.2f ms at %.1f GFLOP/s, %.0f %% of gemm; others %.2f ms\n", net,
                products_ * 1e3, rate * 1e-9, 100 * rate / gemm_rate, others_ * 1e3);
    products_ = flops_ = others_ = 0;
  }

 private:
  static constexpr double kSeconds = 0.3;
  static constexpr int kLeastRuns = 5;
  const DevicePlugin& plugin_;
  double products_ = 0;
  double flops_ = 0;
  double others_ = 0;
};

struct Convolution {
  const char* name;
  int64_t images, in_channels, in, out_channels, kernel, stride, pad, group;
  bool data_gradient;
};

void run(Bench& bench, const Convolution& c) {
  const int64_t out = (c.in + 2 * c.pad - c.kernel) / c.stride + 1;
  const Shape x{c.images, c.in_channels, c.in, c.in},
      w{c.out_channels, c.in_channels / c.group, c.kernel, c.kernel};
  const Shape bias{c.out_channels}, y{c.images, c.out_channels, out, out};
  const double flops = 2.0 * static_cast<double>(y.count() * w.count(1, 4));
  const auto describe = [&](const char* op) {
    OperatorDesc desc(op);
    desc.attribute("kernel", {c.kernel, c.kernel}).attribute("stride", {c.stride, c.stride});
    desc.attribute("pad", {c.pad, c.pad}).attribute("dilation", {1, 1}).attribute("group", c.group);
    return desc;
  };
  bench.report(std::string(c.name) + " forward", flops,
               bench.time(describe("convolution_forward"), {x, w, bias, y}));
  if (c.data_gradient) {
    bench.report(std::string(c.name) + " backward data", flops,
                 bench.time(describe("convolution_backward_data"), {y, w, x}));
  }
  bench.report(std::string(c.name) + " backward weights", flops,
               bench.time(describe("convolution_backward_weights"), {x, y, w, bias}));
}

struct InnerProduct {
  const char* name;
  int64_t images, channels, outputs;
};

void run(Bench& bench, const InnerProduct& p) {
  const Shape x{p.images, p.channels}, w{p.outputs, p.channels}, bias{p.outputs},
      y{p.images, p.outputs};
  const double flops = 2.0 * static_cast<double>(p.images * w.count());
  const std::string name = p.name;
  bench.report(name + " forward", flops,
               bench.time(OperatorDesc("inner_product_forward"), {x, w, bias, y}));
  bench.report(name + " backward data", flops,
               bench.time(OperatorDesc("inner_product_backward_data"), {y, w, x}));
  bench.report(name + " backward weights", flops,
               bench.time(OperatorDesc("inner_product_backward_weights"), {x, y, w, bias}));
}

struct MaxPooling {
  const char* name;
  int64_t images, channels, in, kernel, stride;
};

void run(Bench& bench, const MaxPooling& p) {
  const int64_t out = (p.in - p.kernel + p.stride - 1) / p.stride + 1;
  const Shape x{p.images, p.channels, p.in, p.in}, y{p.images, p.channels, out, out};
  const auto describe = [&](const char* op, int64_t training) {
    OperatorDesc desc(op);
    desc.attribute("kernel", {p.kernel, p.kernel})
        .attribute("stride", {p.stride, p.stride})
        .attribute("pad", {0, 0});
    desc.attribute("training", training).attribute("pair", 1);
    return desc;
  };
  const std::string name = p.name;
  Bytes reserve(static_cast<uint64_t>(y.count()) * 16);
  bench.time(describe("pooling_max_forward", 1), {x, y}, &reserve);
  bench.report(name + " forward (test)", 0, bench.time(describe("pooling_max_forward", 0), {x, y}));
  bench.report(name + " forward", 0,
               bench.time(describe("pooling_max_forward", 1), {x, y}, &reserve));
  bench.report(name + " backward", 0,
               bench.time(describe("pooling_max_backward", 1), {y, x}, &reserve));
}

struct Lrn {
  const char* name;
  Shape shape;
};

void run(Bench& bench, const Lrn& l) {
  const auto describe = [&](const char* op) {
    OperatorDesc desc(op);
    desc.attribute("size", 5).attribute("training", 1).attribute("pair", 1);
    desc.number("alpha", 1e-4).number("beta", 0.75).number("k", 1);
    return desc;
  };
  const std::string name = l.name;
  Bytes reserve(static_cast<uint64_t>(l.shape.count()) * 8);
  bench.report(name + " forward", 0,
               bench.time(describe("lrn_forward"), {l.shape, l.shape}, &reserve));
  bench.report(
      name + " backward", 0,
      bench.time(describe("lrn_backward"), {l.shape, l.shape, l.shape, l.shape}, &reserve));
}

double gemm_rate(Bench& bench) {
  const int64_t n = 4096;
  OperatorDesc op("gemm");
  op.attribute("m", n).attribute("n", n).attribute("k", n).number("alpha", 1).number("beta", 0);
  const double rate =
      2.0 * static_cast<double>(n * n * n) / bench.time(op, {{n, n}, {n, n}, {n, n}});
  std::printf("gemm at n = 4096: %.1f GFLOP/s\n", rate * 1e-9);
  return rate;
}

void lenet(Bench& bench, double rate) {
  std::printf("LeNet, batch 64\n");
  run(bench, Convolution{"conv1", 64, 1, 28, 20, 5, 1, 0, 1, false});
  run(bench, MaxPooling{"pool1", 64, 20, 24, 2, 2});
  run(bench, Convolution{"conv2", 64, 20, 12, 50, 5, 1, 0, 1, true});
  run(bench, MaxPooling{"pool2", 64, 50, 8, 2, 2});
  run(bench, InnerProduct{"ip1", 64, 800, 500});
  run(bench, InnerProduct{"ip2", 64, 500, 10});
  bench.total("LeNet", rate);
}

void alexnet(Bench& bench, double rate) {
  std::printf("AlexNet, batch 16\n");
  run(bench, Convolution{"conv1", 16, 3, 227, 96, 11, 4, 0, 1, false});
  run(bench, Lrn{"norm1", {16, 96, 55, 55}});
  run(bench, MaxPooling{"pool1", 16, 96, 55, 3, 2});
  run(bench, Convolution{"conv2", 16, 96, 27, 256, 5, 1, 2, 2, true});
  run(bench, Lrn{"norm2", {16, 256, 27, 27}});
  run(bench, MaxPooling{"pool2", 16, 256, 27, 3, 2});
  run(bench, Convolution{"conv3", 16, 256, 13, 384, 3, 1, 1, 1, true});
  run(bench, Convolution{"conv4", 16, 384, 13, 384, 3, 1, 1, 2, true});
  run(bench, Convolution{"conv5", 16, 384, 13, 256, 3, 1, 1, 2, true});
  run(bench, MaxPooling{"pool5", 16, 256, 13, 3, 2});
  run(bench, InnerProduct{"fc6", 16, 9216, 4096});
  run(bench, InnerProduct{"fc7", 16, 4096, 4096});
  run(bench, InnerProduct{"fc8", 16, 4096, 1000});
  bench.total("AlexNet", rate);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: cpu_operators PLUGIN.so [THREADS [gemm|lenet|alexnet]]\n");
    return 2;
  }
  const int threads = argc > 2 ? std::atoi(argv[2]) : 0;
  const std::string net = argc > 3 ? argv[3] : "";
  if (threads > 0) device_test::set_threads(threads);
  try {
    const DevicePlugin plugin(argv[1], static_cast<uint64_t>(threads));
    Bench bench(plugin);
    const double rate = gemm_rate(bench);
    if (net.empty() || net == "lenet") lenet(bench, rate);
    if (net.empty() || net == "alexnet") alexnet(bench, rate);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cpu_operators: %s\n", error.what());
    return 1;
  }
  return 0;
}
