// Memory that a loop over strips will read after these strips.
#pragma once

#include <cstdint>

#include "ravel/ops/kernels/contraction/contraction.hpp"

namespace ravel::kernels {

// `size` elements from `data` on, for example the next image: it is read faster if it was fetched little by little
// while this one was multiplied.
template <class T>
struct Ahead {
  const T* data = nullptr;
  std::int64_t size = 0;

  // Part number i of `parts`, in whole cache lines.
  Ahead part(std::int64_t i, std::int64_t parts) const {
    const std::int64_t first = lines() * i / parts, end = lines() * (i + 1) / parts;
    return {data + first * line, (end - first) * line};
  }

  // Lets a strip fetch all of it.
  void give(Strip<T>& strip) const {
    strip.ahead = data;
    strip.ahead_rows = lines();
    strip.ahead_width = 1;
    strip.ahead_step = line;
  }

 private:
  static constexpr std::int64_t line = 64 / sizeof(T);
  std::int64_t lines() const { return (size + line - 1) / line; }
};

// Part number i of `parts` of two arrays, one after the other.
template <class T>
Ahead<T> part_of_both(const Ahead<T>& x, const Ahead<T>& y, std::int64_t i, std::int64_t parts) {
  const std::int64_t of_x = (parts + 1) / 2;
  return i < of_x ? x.part(i, of_x) : y.part(i - of_x, parts - of_x);
}

}  // namespace ravel::kernels
