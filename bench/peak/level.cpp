// Compiled once per level of instruction set, as the contraction kernels are; see cmake/ravel_levels.cmake.
#include "level.hpp"

#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

float multiply_adds(std::int64_t flops) {
  // Chains that do not wait for each other: more than a processor has multiply-adds in flight, as many as fit its
  // registers.
  constexpr int chains = registers * 3 / 4;
  const Vector<float> factor = broadcast(0.5F), term = broadcast(1.0F);
  Vector<float> sum[chains];
  unroll<chains>([&](auto i) { sum[i] = broadcast(static_cast<float>(i)); });
  const std::int64_t steps = flops / (2 * chains * lanes<float>);
  for (std::int64_t step = 0; step < steps; ++step) {
    unroll<chains>([&](auto i) { sum[i] = sum[i] * factor + term; });
  }
  float total = 0;
  for (const Vector<float>& x : sum) {
    for (int lane = 0; lane < lanes<float>; ++lane) total += x[lane];
  }
  return total;
}

}  // namespace ravel::kernels::RAVEL_LEVEL
