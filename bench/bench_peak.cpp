// The peak that other figures are shares of, and the program's head.
#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "levels/peak.hpp"
#include "ravel/ops/kernels/isa.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

float multiply_adds(std::int64_t flops) {
  switch (isa()) {
#if defined(__x86_64__)
    case Isa::avx512: return kernels::avx512::multiply_adds(flops);
    case Isa::avx2: return kernels::avx2::multiply_adds(flops);
#endif
    default: return kernels::baseline::multiply_adds(flops);
  }
}

// Operations per second of so many threads that each do `flops` of them.
double flops_per_second(int count, std::int64_t flops) {
  std::vector<std::thread> team;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) team.emplace_back([=] { benchmark::DoNotOptimize(multiply_adds(flops)); });
  for (std::thread& thread : team) thread.join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(count) * static_cast<double>(flops) / elapsed.count();
}

}  // namespace

double peak_gflops(int threads) {
  static std::map<int, double> peaks;
  const auto [peak, is_new] = peaks.try_emplace(threads, 0);
  if (is_new) {
    // About 20 ms at a time; what disturbs a measurement only makes it slower, so the best of several counts.
    const auto flops = static_cast<std::int64_t>(0.02 * flops_per_second(1, 100'000'000));
    for (int i = 0; i < 15; ++i) peak->second = std::max(peak->second, 1e-9 * flops_per_second(threads, flops));
  }
  return peak->second;
}

void peak(benchmark::State& state) {
  constexpr std::int64_t flops = 1'000'000'000;
  const int count = static_cast<int>(state.range(0));
  measure_flops(state, static_cast<double>(flops) * count, [=] { flops_per_second(count, flops); });
}
BENCHMARK(peak)->Apply(each_number_of_threads);

}  // namespace ravel::bench

int main(int argc, char** argv) {
  benchmark::AddCustomContext("instruction set", ravel::name_of(ravel::isa()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
