// Elementwise operations, outside of the graph, into fresh arrays.
#include "ravel/autograd/create.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/pointwise.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

// `function` of so many arrays of `count` f32, which are read once, and the result is written once.
template <int inputs, class F>
void map(benchmark::State& state, std::int64_t count, const F& function) {
  const NoGrad no_grad;
  const Tensor x = rand({count});
  measure_bytes(state, 4.0 * (inputs + 1) * static_cast<double>(count), [&] { benchmark::DoNotOptimize(function(x)); });
}

void add(benchmark::State& state, std::int64_t count) {
  map<2>(state, count, [y = rand({count})](const Tensor& x) { return x + y; });
}
void exp(benchmark::State& state, std::int64_t count) {
  map<1>(state, count, [](const Tensor& x) { return ravel::exp(x); });
}
void tanh(benchmark::State& state, std::int64_t count) {
  map<1>(state, count, [](const Tensor& x) { return ravel::tanh(x); });
}

BENCHMARK_CAPTURE(add, 100k, 100'000)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(add, 10M, 10'000'000)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(exp, 100k, 100'000)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(exp, 10M, 10'000'000)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(tanh, 100k, 100'000)->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(tanh, 10M, 10'000'000)->Apply(each_number_of_threads);

}  // namespace
}  // namespace ravel::bench
