// Random numbers as a pure function of (seed, stream, step, call, element): never of threads or of what other steps
// drew.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ravel/autograd/modes.hpp"

namespace ravel {

// One array's worth of random numbers. Element i of an array is drawn from counter block i / 4, word i % 4, of
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  // a hash of a path: what the numbers are for
  std::uint32_t step = 0;    // the training step
  std::uint32_t call = 0;    // which random array within the step
};

// The key of this thread's next random array: its seed and step, the running module's path, and the number of calls so
// far, which goes up by one.
RandomKey next_random_key();
// The key for what `path` names, whatever ran before: initial values of parameters, orders of samples.
RandomKey random_key(std::uint64_t seed, std::string_view path, std::uint64_t step = 0);

// Four random words: block number `block` of the stream of `key`.
inline std::array<std::uint32_t, 4> philox(const RandomKey& key, std::uint64_t block) {
  const std::uint64_t mixed = key.seed ^ key.stream * 0x9E3779B97F4A7C15u;
  std::uint32_t k0 = static_cast<std::uint32_t>(mixed), k1 = static_cast<std::uint32_t>(mixed >> 32);
  std::uint32_t c0 = static_cast<std::uint32_t>(block), c1 = static_cast<std::uint32_t>(block >> 32);
  std::uint32_t c2 = key.call, c3 = key.step;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0, p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

}  // namespace ravel
