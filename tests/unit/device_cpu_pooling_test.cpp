// The cpu device's pooling, forward and backward, against plain loops over windows.
#include <doctest/doctest.h>

#include "tests/unit/device_cpu_reference.hpp"

namespace {

using device_test::Data;
using device_test::DevicePlugin;
using Extents = std::vector<int64_t>;

struct Case {
  const char* what;
  int64_t images, channels;
  Extents in, kernel, stride, pad;

  // As Caffe: rounded up, and the last window begins inside the image or its first padding.
  Extents out() const {
    Extents out;
    for (size_t i = 0; i < in.size(); ++i) {
      int64_t extent = (in[i] + 2 * pad[i] - kernel[i] + stride[i] - 1) / stride[i] + 1;
      if (pad[i] > 0 && (extent - 1) * stride[i] >= in[i] + pad[i]) --extent;
      out.push_back(extent);
    }
    return out;
  }
};

int64_t product(const Extents& e) {
  int64_t p = 1;
  for (const int64_t v : e)
    p *= v;
  return p;
}

Extents coordinates(int64_t i, const Extents& extents) {
  Extents at(extents.size());
  for (size_t axis = extents.size(); axis-- > 0;) {
    at[axis] = i % extents[axis];
    i /= extents[axis];
  }
  return at;
}

// The places in a plane that window `p` covers, in row-major order, and the size it is divided by.
struct Covered {
  std::vector<int64_t> places;
  int64_t size = 1;
};

Covered cover(const Case& c, int64_t p) {
  Covered covered;
  const Extents position = coordinates(p, c.out());
  for (size_t axis = 0; axis < c.in.size(); ++axis) {
    const int64_t begin = position[axis] * c.stride[axis] - c.pad[axis];
    covered.size *= std::min(begin + c.kernel[axis], c.in[axis] + c.pad[axis]) - begin;
  }
  for (int64_t t = 0; t < product(c.kernel); ++t) {
    const Extents tap = coordinates(t, c.kernel);
    int64_t place = 0;
    bool inside = true;
    for (size_t axis = 0; axis < c.in.size(); ++axis) {
      const int64_t i = position[axis] * c.stride[axis] - c.pad[axis] + tap[axis];
      inside = inside && i >= 0 && i < c.in[axis];
      place = place * c.in[axis] + i;
    }
    if (inside) covered.places.push_back(place);
  }
  return covered;
}

dlrun::Shape shape_of(const Case& c, const Extents& spatial) {
  dlrun::Shape shape{c.images, c.channels};
  for (const int64_t extent : spatial)
    shape.push_back(extent);
  return shape;
}

template <class T>
dlrun::OperatorDesc describe(const std::string& op, const Case& c, bool training) {
  const uint32_t dtype = device_test::dtype_of<T>();
  const bool forward = op.find("forward") != std::string::npos;
  dlrun::OperatorDesc desc(op);
  desc.attribute("kernel", c.kernel).attribute("stride", c.stride).attribute("pad", c.pad);
  const bool is_max = op.find("max") != std::string::npos;
  if (is_max) desc.attribute("training", training).attribute("pair", 1);
  desc.argument(shape_of(c, forward ? c.in : c.out()), dtype)
      .argument(shape_of(c, forward ? c.out() : c.in), dtype);
  return desc;
}

template <class T>
void check_max(const DevicePlugin& plugin, const Case& c) {
  const int64_t in = product(c.in), out = product(c.out()), planes = c.images * c.channels;
  Data<T> x(planes * in, 1), y(planes * out), dy(planes * out, 2), dx(planes * in);
  for (T& value : x)
    value = std::round(value * 4) / 4;  // so that there are ties
  std::vector<double> expected(static_cast<size_t>(planes * out)),
      expected_dx(static_cast<size_t>(planes * in));
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t p = 0; p < out; ++p) {
      const Covered covered = cover(c, p);
      int64_t best = plane * in + covered.places[0];
      for (const int64_t place : covered.places) {
        if (x[plane * in + place] > x[best]) best = plane * in + place;
      }
      expected[static_cast<size_t>(plane * out + p)] = double(x[best]);
      expected_dx[static_cast<size_t>(best)] += double(dy[plane * out + p]);
    }
  }
  const auto inference = plugin.plan(describe<T>("pooling_max_forward", c, false));
  CHECK(inference->reserve_bytes == 0);
  inference->run({x.mem(), y.mem()});
  CHECK(device_test::largest_difference(y, expected) == 0.0);

  const auto forward = plugin.plan(describe<T>("pooling_max_forward", c, true));
  const auto backward = plugin.plan(describe<T>("pooling_max_backward", c, true));
  CHECK(forward->reserve_bytes == backward->reserve_bytes);
  device_test::Bytes reserve(forward->reserve_bytes);
  std::fill(y.begin(), y.end(), T(0));
  forward->run({x.mem(), y.mem()}, reserve.mem());
  backward->run({dy.mem(), dx.mem()}, reserve.mem());
  CHECK(device_test::largest_difference(y, expected) == 0.0);
  CHECK(device_test::largest_difference(dx, expected_dx) < device_test::tolerance<T>());
  CHECK(reserve.intact());
}

template <class T>
void check_average(const DevicePlugin& plugin, const Case& c) {
  const int64_t in = product(c.in), out = product(c.out()), planes = c.images * c.channels;
  Data<T> x(planes * in, 1), y(planes * out), dy(planes * out, 2), dx(planes * in);
  std::fill(dx.begin(), dx.end(), T(0.25));
  std::vector<double> expected(static_cast<size_t>(planes * out)),
      expected_dx(static_cast<size_t>(planes * in), 0.25);
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t p = 0; p < out; ++p) {
      const Covered covered = cover(c, p);
      for (const int64_t place : covered.places) {
        expected[static_cast<size_t>(plane * out + p)] +=
            double(x[plane * in + place]) / double(covered.size);
        expected_dx[static_cast<size_t>(plane * in + place)] +=
            double(dy[plane * out + p]) / double(covered.size);
      }
    }
  }
  plugin.plan(describe<T>("pooling_average_forward", c, true))->run({x.mem(), y.mem()});
  CHECK(device_test::largest_difference(y, expected) < device_test::tolerance<T>());
  const auto backward = plugin.plan(describe<T>("pooling_average_backward", c, true).accumulate());
  CHECK(backward->accumulates);
  backward->run({dy.mem(), dx.mem()});
  CHECK(device_test::largest_difference(dx, expected_dx) < device_test::tolerance<T>());
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"LeNet's first", 3, 20, {24, 24}, {2, 2}, {2, 2}, {0, 0}},
      {"LeNet's second", 3, 5, {8, 8}, {2, 2}, {2, 2}, {0, 0}},
      {"overlapping", 2, 7, {27, 27}, {3, 3}, {2, 2}, {0, 0}},
      {"overlapping, rounded up", 2, 3, {14, 15}, {3, 3}, {2, 2}, {0, 0}},
      {"padded, stride 1", 2, 3, {13, 9}, {3, 3}, {1, 1}, {1, 1}},
      {"padded, stride 2", 2, 3, {10, 11}, {3, 3}, {2, 2}, {1, 1}},
      {"padded, stride 3", 2, 3, {13, 9}, {4, 5}, {3, 3}, {2, 3}},
      {"gaps between windows", 1, 2, {17, 17}, {2, 1}, {3, 4}, {0, 0}},
      {"global", 4, 6, {7, 7}, {7, 7}, {1, 1}, {0, 0}},
      {"one element", 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}},
      {"one axis", 2, 3, {20}, {3}, {2}, {1}},
      {"three axes", 2, 3, {5, 6, 9}, {3, 2, 3}, {2, 2, 1}, {1, 0, 1}},
  };
  return all;
}

}  // namespace

TEST_CASE(
    "pooling agrees with plain loops over windows, the first of equal maxima getting the "
    "gradient") {
  for (const char* isa : {"baseline", ""}) {
    const DevicePlugin plugin(device_test::plugin_file(), 2, isa);
    for (const Case& c : cases()) {
      CAPTURE(c.what);
      CAPTURE(isa);
      check_max<float>(plugin, c);
      check_max<double>(plugin, c);
      check_average<float>(plugin, c);
      check_average<double>(plugin, c);
    }
  }
}

TEST_CASE("pooling windows that would hold no input are declined") {
  const DevicePlugin plugin(device_test::plugin_file());
  const Case c{"", 1, 1, {4, 4}, {2, 2}, {1, 1}, {2, 2}};
  CHECK(device_test::refusal(plugin, describe<float>("pooling_max_forward", c, true)) ==
        "pooling windows that hold no input");
}
