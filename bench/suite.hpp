// What the benchmarks of the suite share.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>

#include "peak/peak.hpp"
#include "ravel/autograd/parallel.hpp"

namespace ravel::bench {

// Measures with one thread and with as many as there are by default; the number is the benchmark's argument.
inline void each_number_of_threads(benchmark::internal::Benchmark* benchmark) {
  static const int most = threads();
  benchmark->ArgName("threads")->Arg(1)->UseRealTime();
  if (most > 1) benchmark->Arg(most);
}

// Calls `body` as often as the benchmark wants, after one call to warm up; returns seconds per call.
template <class Body>
double measure(benchmark::State& state, const Body& body) {
  set_threads(static_cast<int>(state.range(0)));
  body();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) body();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count() / static_cast<double>(state.iterations());
}

// Measures a body that does `flops` floating-point operations: GFLOP/s, and their share of the peak, which is the mean
// of what was measured just before and just after.
template <class Body>
void measure_flops(benchmark::State& state, double flops, const Body& body) {
  const int count = static_cast<int>(state.range(0));
  const double before = peak_gflops(count);
  const double rate = 1e-9 * flops / measure(state, body);
  const double after = peak_gflops(count);
  state.counters["GFLOP/s"] = rate;
  state.counters["share"] = 2 * rate / (before + after);
}

// Measures a body that reads and writes `bytes` bytes at least: GB/s.
template <class Body>
void measure_bytes(benchmark::State& state, double bytes, const Body& body) {
  state.counters["GB/s"] = 1e-9 * bytes / measure(state, body);
}

}  // namespace ravel::bench
