// What an operation costs beside its arithmetic: chains of a thousand tanh and a thousand additions on 16x16 f32.
#include "ravel/autograd/create.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/reduction.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

constexpr int links = 1000, ops = 2 * links;

Tensor chain(const Tensor& x) {
  Tensor y = x;
  for (int i = 0; i < links; ++i) y = tanh(y + x);
  return y;
}

template <class Body>
void measure_ops(benchmark::State& state, const Body& body) {
  state.counters["us/op"] = 1e6 * measure(state, body) / ops;
}

void unrecorded(benchmark::State& state) {
  const NoGrad no_grad;
  const Tensor x = full({16, 16}, 1e-4);
  measure_ops(state, [&] { benchmark::DoNotOptimize(chain(x)); });
}
BENCHMARK(unrecorded)->Name("small_ops/unrecorded")->Apply(each_number_of_threads);

// Recorded, and the graph freed.
void recorded(benchmark::State& state) {
  const Tensor x = full({16, 16}, 1e-4).requires_grad_();
  measure_ops(state, [&] { benchmark::DoNotOptimize(chain(x)); });
}
BENCHMARK(recorded)->Name("small_ops/recorded")->Apply(each_number_of_threads);

void backward(benchmark::State& state) {
  const Tensor x = full({16, 16}, 1e-4).requires_grad_();
  measure_ops(state, [&] {
    x.zero_grad();
    sum(chain(x)).backward();
  });
}
BENCHMARK(backward)->Name("small_ops/forward_and_backward")->Apply(each_number_of_threads);

}  // namespace
}  // namespace ravel::bench
