// What convolution and pooling say about windows that slide over one or two dimensions.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>

namespace ravel {

// A number for each of (height, width); one number stands for both.
struct Pair {
  // NOLINTNEXTLINE(google-explicit-constructor): {.stride = 2} reads as it does in Python.
  constexpr Pair(std::integral auto both) : values{static_cast<std::int64_t>(both), static_cast<std::int64_t>(both)} {}
  constexpr Pair(std::int64_t height, std::int64_t width) : values{height, width} {}

  std::array<std::int64_t, 2> values;
};

}  // namespace ravel
