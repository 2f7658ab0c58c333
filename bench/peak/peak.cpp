#include "peak.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

#include "level.hpp"
#include "ravel/ops/kernels/isa.hpp"

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

}  // namespace

double seconds_of(int threads, double flops) {
  const auto work = [=] {
    [[maybe_unused]] const volatile float sink = multiply_adds(static_cast<std::int64_t>(flops));
  };
  std::barrier ready(threads);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) {
    others.emplace_back([&] {
      ready.arrive_and_wait();
      work();
    });
  }
  ready.arrive_and_wait();
  const auto start = std::chrono::steady_clock::now();
  work();
  for (std::thread& thread : others) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_gflops(int threads) {
  // About 5 ms at a time; what disturbs a measurement only makes it slower, so the best of several counts.
  static const double flops = 0.005 * 1e8 / seconds_of(1, 1e8);
  double least = seconds_of(threads, flops);
  for (int i = 1; i < 5; ++i) least = std::min(least, seconds_of(threads, flops));
  return 1e-9 * threads * flops / least;
}

}  // namespace ravel::bench
