// What convolution and pooling say about windows that slide over one or two dimensions.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>

#include "ravel/autograd/error.hpp"

namespace ravel {

// A number for each of (height, width); one number stands for both.
struct Pair {
  // NOLINTNEXTLINE(google-explicit-constructor): {.stride = 2} reads as it does in Python.
  constexpr Pair(std::integral auto both) : values{static_cast<std::int64_t>(both), static_cast<std::int64_t>(both)} {}
  constexpr Pair(std::int64_t height, std::int64_t width) : values{height, width} {}

  std::array<std::int64_t, 2> values;
};

// The largest size or option of windows along one dimension. Two products of such numbers add up without overflow.
inline constexpr std::int64_t largest_window_option = (std::int64_t{1} << 31) - 1;

// Requires an option of the windows of `op` to lie between `least` and the largest one; `name` is as in "stride of".
inline void check_window_option(const char* op, const char* name, std::int64_t value, std::int64_t least) {
  require(value >= least, "{}: a {} {}; use {} or more", op, name, value, least);
  require(value <= largest_window_option, "{}: a {} {}; use {} or less", op, name, value, largest_window_option);
}

}  // namespace ravel
