// What the benchmarks of the suite share.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "peak/peak.hpp"
#include "ravel/autograd/parallel.hpp"

namespace ravel::bench {

// Measures with one thread and with as many as there are by default; the number is the benchmark's argument.
inline void each_number_of_threads(benchmark::internal::Benchmark* benchmark) {
  static const int most = threads();
  benchmark->ArgName("threads")->Arg(1)->UseRealTime();
  if (most > 1) benchmark->Arg(most);
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Seconds that `body` takes.
template <class Body>
double seconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Calls `body` as often as the benchmark wants, after one call to warm up; returns seconds per call.
template <class Body>
double measure(benchmark::State& state, const Body& body) {
  set_threads(static_cast<int>(state.range(0)));
  body();
  const double elapsed = seconds([&] {
    for (auto _ : state) body();
  });
  return elapsed / static_cast<double>(state.iterations());
}

// Measures a body that does `flops` floating-point operations: GFLOP/s, and their share of the peak. Body and peak take
// turns in slices of some milliseconds, and medians of the slices count: what the machine does to one of them, its
// clock or its neighbours, it does to the other.
template <class Body>
void measure_flops(benchmark::State& state, double flops, const Body& body) {
  constexpr double slice = 0.005;
  const int count = static_cast<int>(state.range(0));
  set_threads(count);
  const double peak_flops = slice * 1e9 * peak_gflops(count) / count;
  const auto peak = [&] { return count * peak_flops / seconds_of(count, peak_flops); };
  std::vector<double> rates, shares;
  double before = peak(), elapsed = 0, calls = 0;
  body();  // threads that have left meanwhile come back, as they would stay in training
  const auto end_slice = [&] {
    const double after = peak();
    rates.push_back(calls * flops / elapsed);
    shares.push_back(2 * rates.back() / (before + after));
    before = after;
    elapsed = calls = 0;
  };
  for (auto _ : state) {
    elapsed += seconds(body);
    ++calls;
    if (elapsed < slice) continue;
    state.PauseTiming();
    end_slice();
    body();
    state.ResumeTiming();
  }
  if (rates.empty()) end_slice();
  state.counters["GFLOP/s"] = 1e-9 * median(rates);
  state.counters["share"] = median(shares);
}

// Measures a body that reads and writes `bytes` bytes at least: GB/s.
template <class Body>
void measure_bytes(benchmark::State& state, double bytes, const Body& body) {
  state.counters["GB/s"] = 1e-9 * bytes / measure(state, body);
}

}  // namespace ravel::bench
