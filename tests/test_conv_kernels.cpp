// The convolution kernels against sums written out from the definition.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include "catch.hpp"
#include "kernel_cases.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/conv.hpp"
#include "ravel/ops/kernels/conv_1x1.hpp"
#include "ravel/ops/kernels/conv_depthwise.hpp"
#include "ravel/ops/kernels/conv_weight_gradient.hpp"
#include "ravel/ops/kernels/isa.hpp"
#include "ravel/ops/kernels/winograd.hpp"

namespace ravel::testing {
namespace {

template <class T>
struct Operands {
  explicit Operands(const ConvShape& s)
      : x(random_numbers<T>(input_size(s), 1)),
        w(random_numbers<T>(weight_size(s), 2)),
        dy(random_numbers<T>(output_size(s), 3)),
        bias(random_numbers<T>(s.groups * s.out_channels, 4)) {}
  std::vector<T> x, w, dy, bias;
};

// An output array that is full of NaNs, so that an element that is never written shows.
template <class T>
std::vector<T> unwritten(std::int64_t size) {
  return std::vector<T>(static_cast<std::size_t>(size), std::numeric_limits<T>::quiet_NaN());
}

template <class T>
std::vector<T> output(const ConvShape& s, const Operands<T>& in, bool with_bias, bool with_relu = false) {
  std::vector<T> y = unwritten<T>(output_size(s));
  kernels::conv_output(s, in.x.data(), in.w.data(), {with_bias ? in.bias.data() : nullptr, with_relu}, y.data());
  return y;
}
template <class T>
std::vector<T> input_gradient(const ConvShape& s, const Operands<T>& in) {
  std::vector<T> dx = unwritten<T>(input_size(s));
  kernels::conv_input_gradient(s, in.dy.data(), in.w.data(), dx.data());
  return dx;
}
template <class T>
std::vector<T> weight_gradient(const ConvShape& s, const Operands<T>& in) {
  std::vector<T> dw = unwritten<T>(weight_size(s));
  kernels::conv_weight_gradient(s, in.x.data(), in.dy.data(), dw.data());
  return dw;
}

// The numbers of a Winograd tile share their rounding errors: an output that is made of few products, or of none, has
// those of its neighbours. So there the largest of the sums says what may be lost, `tile` being the m of F(m x m, 3x3);
// and the transforms of F(4x4, 3x3) round more often than a sum does.
template <class T>
std::int64_t disagreements(const std::vector<ExactSum>& expected, const std::vector<T>& got, int tile) {
  ExactSum largest;
  for (const ExactSum& sum : expected) {
    if (tile > 0 && sum.magnitude > largest.magnitude) largest = sum;
  }
  std::int64_t count = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ExactSum sum = expected[i];
    if (tile > 0) sum.magnitude = largest.magnitude, sum.terms = largest.terms;
    count += sum.agrees(got[i], tile == 4 ? 6 : 2) ? 0 : 1;
  }
  return count;
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// The Winograd tiles of the three passes; 0 stands for direct sums.
struct PassTiles {
  int y, dx, dw;
};
template <class T>
PassTiles tiles_of(const ConvShape& s) {
  if (std::is_same_v<T, double>) return {0, 0, 0};
  return {kernels::winograd_output_tile(s), kernels::winograd_input_gradient_tile(s),
          kernels::winograd_weight_gradient_tile(s)};
}

template <class T>
void compare_with_definition(const ConvShape& s) {
  const PassTiles tile = tiles_of<T>(s);
  INFO(describe(s) << "; tiles " << tile.y << ", " << tile.dx << ", " << tile.dw);
  const Operands<T> in(s);
  std::vector<ExactSum> y(index(output_size(s))), dx(index(input_size(s))), dw(index(weight_size(s)));
  for_each_product(s, [&](std::int64_t x, std::int64_t w, std::int64_t o) {
    y[index(o)].add(static_cast<long double>(in.x[index(x)]) * in.w[index(w)]);
    dx[index(x)].add(static_cast<long double>(in.dy[index(o)]) * in.w[index(w)]);
    dw[index(w)].add(static_cast<long double>(in.dy[index(o)]) * in.x[index(x)]);
  });
  CHECK(disagreements(y, output(s, in, false), tile.y) == 0);
  const std::int64_t pixels = s.out[0] * s.out[1];
  for (std::int64_t i = 0; i < output_size(s); ++i) {
    y[index(i)].add(in.bias[index(i / pixels % (s.groups * s.out_channels))]);
  }
  CHECK(disagreements(y, output(s, in, true), tile.y) == 0);
  CHECK(disagreements(dx, input_gradient(s, in), tile.dx) == 0);
  CHECK(disagreements(dw, weight_gradient(s, in), tile.dw) == 0);
}

}  // namespace

TEST_CASE("convolution kernels agree with the definition", "[kernels]") {
  for (const ConvShape& shape : conv_shapes()) {
    compare_with_definition<float>(shape);
    compare_with_definition<double>(shape);
    const HighestPrecision guard;
    const PassTiles tile = tiles_of<float>(shape);
    CHECK(tile.y + tile.dx + tile.dw == 0);
    compare_with_definition<float>(shape);
  }
}

TEST_CASE("convolution kernels give the same bits on any number of threads", "[kernels]") {
  for (const ConvShape& shape : conv_shapes()) {
    INFO(describe(shape));
    const Operands<float> in(shape);
    CHECK(same_on_all_threads([&] { return output(shape, in, true, true); }));
    CHECK(same_on_all_threads([&] { return input_gradient(shape, in); }));
    CHECK(same_on_all_threads([&] { return weight_gradient(shape, in); }));
  }
}

TEMPLATE_TEST_CASE("relu in the epilogue of a convolution is relu after it, bit for bit", "[kernels]", float, double) {
  for (const ConvShape& shape : conv_shapes()) {
    INFO(describe(shape));
    Operands<TestType> in(shape);
    if (!in.x.empty()) in.x[in.x.size() / 2] = std::numeric_limits<TestType>::quiet_NaN();
    for (const bool with_bias : {false, true}) {
      std::vector<TestType> expected = output(shape, in, with_bias);
      for (TestType& y : expected) y = y < 0 ? 0 : y;
      const std::vector<TestType> got = output(shape, in, with_bias, true);
      CHECK(std::ranges::equal(std::as_bytes(std::span(got)), std::as_bytes(std::span(expected))));
    }
  }
}

TEMPLATE_TEST_CASE("weight gradients of a row are those of tiles, bit for bit", "[kernels]", float, double) {
  int batches = 0, groups = 0, early_ends = 0;
  for (const ConvShape& shape : row_shapes()) {
    if (!kernels::is_row_gradient<TestType>(shape)) continue;
    INFO(describe(shape));
    batches += shape.batch > kernels::image_chunks_of(shape);
    groups += shape.groups > 1;
    early_ends += shape.out[1] < shape.in[1];
    const Operands<TestType> in(shape);
    std::vector<TestType> tiles = unwritten<TestType>(weight_size(shape)), of_row = tiles;
    kernels::weight_gradient_by_tiles(shape, in.x.data(), in.dy.data(), tiles.data());
    kernels::weight_gradient_of_row(shape, in.x.data(), in.dy.data(), of_row.data());
    CHECK(tiles == of_row);
  }
  CHECK(batches > 0);
  CHECK(groups > 0);
  CHECK(early_ends > 0);
}

TEST_CASE("each pass has shapes for direct sums and for both sizes of Winograd tiles", "[kernels]") {
  std::array<std::array<int, 5>, 3> count{};
  for (const ConvShape& shape : conv_shapes()) {
    const PassTiles tile = tiles_of<float>(shape);
    ++count[0].at(index(tile.y));
    ++count[1].at(index(tile.dx));
    ++count[2].at(index(tile.dw));
  }
  for (const auto& pass : count) {
    CHECK(pass[0] > 0);
    CHECK(pass[2] > 0);
    CHECK(pass[4] > 0);
  }
}

TEST_CASE("some shapes are summed channel by channel on 1 thread and otherwise on 8", "[kernels]") {
  const auto ways = [](int count) {
    const int before = threads();
    set_threads(count);
    std::vector<bool> all;
    for (const ConvShape& shape : conv_shapes()) all.push_back(kernels::is_depthwise(shape));
    set_threads(before);
    return all;
  };
  const std::vector<bool> on_one = ways(1), on_eight = ways(8);
  CHECK(std::ranges::count(on_eight, true) > 0);
  CHECK(std::ranges::count(on_one, true) > std::ranges::count(on_eight, true));
}

TEST_CASE("some shapes are products: with several chains, of one pixel, and empty ones", "[kernels]") {
  int several = 0, single = 0, empty = 0;
  for (const ConvShape& shape : conv_shapes()) {
    if (!kernels::is_1x1(shape)) continue;
    const bool one_pixel = shape.in[0] * shape.in[1] == 1;
    several += !one_pixel && shape.batch > 1 && std::max(shape.in_channels, shape.out_channels) > 256;
    single += one_pixel;
    empty += shape.batch == 0;
  }
  CHECK(several > 1);
  CHECK(single > 1);
  CHECK(empty > 0);
}

// The direct kernel's sum over channels, rows and columns of a filter is one chain of (fused) multiply-adds.
TEST_CASE("the highest precision means direct sums, bit for bit", "[kernels]") {
  const ConvShape s = conv_shape(2, 1, 32, 48, {16, 14}, {3, 3});
  const Operands<float> in(s);
  const auto add = [](float x, float y, float sum) {
    return isa() == Isa::baseline ? x * y + sum : std::fma(x, y, sum);
  };
  std::vector<float> chain(index(output_size(s)));
  for_each_product(s, [&](std::int64_t x, std::int64_t w, std::int64_t o) {
    chain[index(o)] = add(in.w[index(w)], in.x[index(x)], chain[index(o)]);
  });
  CHECK(output(s, in, false) != chain);
  const std::vector<float> dx = input_gradient(s, in), dw = weight_gradient(s, in);
  const HighestPrecision guard;
  CHECK(output(s, in, false) == chain);
  CHECK(input_gradient(s, in) != dx);
  CHECK(weight_gradient(s, in) != dw);
}

namespace {

// The rounding error of f32 results against f64 ones: the largest and the root of the mean square, both as parts of the
// root of the mean square of the results.
struct RoundingError {
  double largest = 0, rms = 0;
};

RoundingError error_of(const std::vector<float>& got, const std::vector<double>& exact) {
  double squares = 0, errors = 0, largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - exact[i]);
    squares += exact[i] * exact[i];
    errors += error * error;
    largest = std::max(largest, error);
  }
  return {largest / std::sqrt(squares / static_cast<double>(got.size())), std::sqrt(errors / squares)};
}

struct PassErrors {
  RoundingError y, dx, dw;
};

// The errors of the passes with tiles of m x m, or of direct sums for m = 0.
PassErrors errors_of(const ConvShape& s, int m) {
  const Operands<float> in(s);
  Operands<double> wide(s);
  wide.x.assign(in.x.begin(), in.x.end());
  wide.w.assign(in.w.begin(), in.w.end());
  wide.dy.assign(in.dy.begin(), in.dy.end());
  std::vector<float> y = unwritten<float>(output_size(s)), dx = unwritten<float>(input_size(s)),
                     dw = unwritten<float>(weight_size(s));
  if (m == 0) {
    const HighestPrecision guard;
    y = output(s, in, false);
    dx = input_gradient(s, in);
    dw = weight_gradient(s, in);
  } else {
    kernels::winograd_output(m, s, in.x.data(), in.w.data(), {}, y.data());
    kernels::winograd_input_gradient(m, s, in.dy.data(), in.w.data(), dx.data());
    kernels::winograd_weight_gradient(m, s, in.x.data(), in.dy.data(), dw.data());
  }
  return {error_of(y, output(s, wide, false)), error_of(dx, input_gradient(s, wide)),
          error_of(dw, weight_gradient(s, wide))};
}

}  // namespace

// With -s this prints the figures of docs/kernels.md.
TEST_CASE("rounding errors of direct sums and of Winograd tiles", "[kernels]") {
  for (const std::int64_t channels : {16, 64, 256}) {
    const ConvShape shape = conv_shape(2, 1, channels, channels, {16, 16}, {3, 3}, {1, 1}, {1, 1});
    INFO(describe(shape));
    const PassErrors direct = errors_of(shape, 0), two = errors_of(shape, 2), four = errors_of(shape, 4);
    for (const auto pass : {&PassErrors::y, &PassErrors::dx}) {
      CHECK((direct.*pass).rms < 1.2e-6);
      CHECK((two.*pass).rms < (direct.*pass).rms);
      CHECK((four.*pass).rms < 4 * (direct.*pass).rms);
      CHECK((direct.*pass).largest < 1.5e-5);
      CHECK((two.*pass).largest < 0.7 * (direct.*pass).largest);
      CHECK((four.*pass).largest < 4 * (direct.*pass).largest);
    }
    CHECK(direct.dw.rms < 4e-7);
    CHECK(two.dw.rms < 4e-7);
    CHECK(four.dw.rms < 1.2e-6);
    CHECK(direct.dw.largest < 3e-6);
    CHECK(two.dw.largest < 3e-6);
    CHECK(four.dw.largest < 1e-5);
  }
}

}  // namespace ravel::testing
