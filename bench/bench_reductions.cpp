// Sums, variances and softmax of f32 matrices, outside of the graph.
#include "ravel/autograd/create.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/softmax.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

// `function` of a matrix, which is read once; what is written is little unless the result is a matrix, too.
template <class F>
void reduce(benchmark::State& state, const Shape& shape, bool writes_matrix, const F& function) {
  const NoGrad no_grad;
  const Tensor x = rand(shape);
  const double bytes = (writes_matrix ? 8.0 : 4.0) * static_cast<double>(x.numel());
  measure_bytes(state, bytes, [&] { benchmark::DoNotOptimize(function(x)); });
}

void sum(benchmark::State& state, const Shape& shape, const Dims& dims) {
  reduce(state, shape, false, [&](const Tensor& x) { return ravel::sum(x, dims); });
}
void var(benchmark::State& state, const Shape& shape, const Dims& dims) {
  reduce(state, shape, false, [&](const Tensor& x) { return ravel::var(x, dims); });
}
void softmax(benchmark::State& state, const Shape& shape) {
  reduce(state, shape, true, [&](const Tensor& x) { return ravel::softmax(x, 1); });
}

BENCHMARK_CAPTURE(sum, 1024x1024_all, Shape{1024, 1024}, Dims{})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(sum, 1024x1024_rows, Shape{1024, 1024}, Dims{1})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(sum, 1024x1024_columns, Shape{1024, 1024}, Dims{0})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(var, 1024x1024_rows, Shape{1024, 1024}, Dims{1})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(softmax, 1024x1024, Shape{1024, 1024})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(softmax, 128x10, Shape{128, 10})->Apply(each_number_of_threads);

}  // namespace
}  // namespace ravel::bench
