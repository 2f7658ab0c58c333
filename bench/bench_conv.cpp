// The three passes of convolutions.
#include <vector>

#include "ravel/autograd/modes.hpp"
#include "ravel/ops/kernels/conv.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

using kernels::ConvShape;

// A convolution with as many outputs per channel as its shape allows; `out` is filled in.
ConvShape whole(ConvShape shape) {
  for (int i = 0; i < 2; ++i) {
    const std::int64_t window = shape.dilation[i] * (shape.kernel[i] - 1) + 1;
    shape.out[i] = (shape.in[i] + 2 * shape.padding[i] - window) / shape.stride[i] + 1;
  }
  return shape;
}

const ConvShape deep_2d =
    whole({.batch = 32, .in_channels = 64, .out_channels = 64, .in = {32, 32}, .kernel = {3, 3}, .padding = {1, 1}});
const ConvShape deep_1d =
    whole({.batch = 64, .in_channels = 64, .out_channels = 64, .in = {1, 256}, .kernel = {1, 5}, .padding = {0, 2}});
const ConvShape first_2d = whole({.batch = 64, .in_channels = 1, .out_channels = 32, .in = {28, 28}, .kernel = {3, 3}});

// What the three passes read and write, and how much they calculate; groups are 1 here.
struct Arrays {
  explicit Arrays(const ConvShape& shape)
      : x(shape.batch * shape.in_channels * shape.in[0] * shape.in[1], 0.5F),
        w(shape.out_channels * shape.in_channels * shape.kernel[0] * shape.kernel[1], 0.5F),
        y(shape.batch * shape.out_channels * shape.out[0] * shape.out[1], 0.5F),
        flops(2.0 * static_cast<double>(y.size()) * static_cast<double>(w.size()) /
              static_cast<double>(shape.out_channels)) {}
  std::vector<float> x, w, y;
  double flops;
};

void output(benchmark::State& state, const ConvShape& shape) {
  Arrays arrays(shape);
  measure_flops(state, arrays.flops, [&] {
    kernels::conv_output<float>(shape, arrays.x.data(), arrays.w.data(), {}, arrays.y.data());
    benchmark::ClobberMemory();
  });
}

void input_gradient(benchmark::State& state, const ConvShape& shape) {
  Arrays arrays(shape);
  measure_flops(state, arrays.flops, [&] {
    kernels::conv_input_gradient<float>(shape, arrays.y.data(), arrays.w.data(), arrays.x.data());
    benchmark::ClobberMemory();
  });
}

void weight_gradient(benchmark::State& state, const ConvShape& shape) {
  Arrays arrays(shape);
  measure_flops(state, arrays.flops, [&] {
    kernels::conv_weight_gradient<float>(shape, arrays.x.data(), arrays.y.data(), arrays.w.data());
    benchmark::ClobberMemory();
  });
}

// Without Winograd tiles.
void direct_output(benchmark::State& state, const ConvShape& shape) {
  const HighestPrecision guard;
  output(state, shape);
}
void direct_input_gradient(benchmark::State& state, const ConvShape& shape) {
  const HighestPrecision guard;
  input_gradient(state, shape);
}
void direct_weight_gradient(benchmark::State& state, const ConvShape& shape) {
  const HighestPrecision guard;
  weight_gradient(state, shape);
}

BENCHMARK_CAPTURE(direct_output, conv2d_64_64_3x3_32x32_b32, deep_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(direct_input_gradient, conv2d_64_64_3x3_32x32_b32, deep_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(direct_weight_gradient, conv2d_64_64_3x3_32x32_b32, deep_2d)->Apply(each_number_of_threads);
// The same with Winograd tiles; the work counted is that of the direct sums, so a share may exceed 1.
BENCHMARK_CAPTURE(output, conv2d_64_64_3x3_32x32_b32_winograd, deep_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(input_gradient, conv2d_64_64_3x3_32x32_b32_winograd, deep_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(weight_gradient, conv2d_64_64_3x3_32x32_b32_winograd, deep_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(output, conv1d_64_64_k5_L256_b64, deep_1d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(input_gradient, conv1d_64_64_k5_L256_b64, deep_1d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(weight_gradient, conv1d_64_64_k5_L256_b64, deep_1d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(output, conv2d_1_32_3x3_28x28_b64, first_2d)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(weight_gradient, conv2d_1_32_3x3_28x28_b64, first_2d)->Apply(each_number_of_threads);

}  // namespace
}  // namespace ravel::bench
