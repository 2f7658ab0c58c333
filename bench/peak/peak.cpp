#include "peak.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <limits>
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

double handover_ns(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t batch = 100;
  constexpr auto duration = std::chrono::milliseconds(50);
  // The number of hops so far: it is at thread i when it is i modulo `threads`.
  std::atomic<std::int64_t> hops = 0, last = std::numeric_limits<std::int64_t>::max();
  // Waits for hop number `hop`, and makes the next; false when the ring has come to its end.
  const auto pass_on = [&](std::int64_t hop) {
    while (hops.load(std::memory_order_acquire) != hop) {
      if (hop > last.load(std::memory_order_relaxed)) return false;
    }
    hops.store(hop + 1, std::memory_order_release);
    return true;
  };
  std::barrier ready(threads);
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) {
    others.emplace_back([&, i] {
      ready.arrive_and_wait();
      for (std::int64_t hop = i; pass_on(hop); hop += threads) {
      }
    });
  }
  ready.arrive_and_wait();
  pass_on(0);  // nobody waits for this one
  double least = std::numeric_limits<double>::infinity();
  Clock::time_point before = Clock::now();
  const Clock::time_point end = before + duration;
  for (std::int64_t hop = threads; before < end;) {
    const std::int64_t first = hop;
    for (; hop < first + batch; hop += threads) pass_on(hop);
    const Clock::time_point now = Clock::now();
    least = std::min(least,
                     std::chrono::duration<double, std::nano>(now - before).count() / static_cast<double>(hop - first));
    before = now;
    if (now >= end) last = hop - threads;
  }
  for (std::thread& thread : others) thread.join();
  return least;
}

}  // namespace ravel::bench
