// Random words in blocks.
#pragma once

#include <cstdint>

#include "ravel/autograd/random.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

// words[4 i + j] = word j of block first + i of the stream of `key`, for i < count: Philox, see autograd/random.hpp, on
// as many blocks at once as a register holds.
inline void philox_words(const RandomKey& key, std::uint64_t first, std::int64_t count, std::uint32_t* words) {
  at_level([=] {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::array<std::uint32_t, 4> block = philox(key, first + static_cast<std::uint64_t>(i));
      for (std::size_t j = 0; j < 4; ++j) words[4 * i + static_cast<std::int64_t>(j)] = block[j];
    }
  });
}

}  // namespace ravel::kernels
