// Dot products along memory: for matrix products with very few rows whose operands both lie along the depth, and for
// weight gradients with few output channels.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

inline constexpr int partial_sums = 32;

// Adds 32 partial sums in a tree: halves onto halves.
template <class T>
T add_up(T* parts) {
  for (int width = partial_sums / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) parts[i] += parts[i + width];
  }
  return parts[0];
}

// The dot products of row m of A with `columns` rows of B from row n on, which share the loads of A.
template <class T, int columns>
[[gnu::always_inline]] inline void dots_of_row(const Dots<T>& dots, std::int64_t m, std::int64_t n) {
  constexpr int vectors = partial_sums / lanes<T>;
  const T* const a = dots.a + m * dots.a_row;
  const T* b[columns];
  unroll<columns>(
      [&](auto j) { b[j] = dots.b + (dots.b_rows != nullptr ? dots.b_rows[n + j] : (n + j) * dots.b_row); });
  Vector<T> sum[columns][vectors];
  unroll<columns>([&](auto j) { unroll<vectors>([&](auto v) { sum[j][v] = Vector<T>{}; }); });

  std::int64_t k = 0;
  for (; k + partial_sums <= dots.depth; k += partial_sums) {
    unroll<vectors>([&](auto v) {
      const Vector<T> x = load(a + k + v * lanes<T>);
      unroll<columns>([&](auto j) { sum[j][v] = x * load(b[j] + k + v * lanes<T>) + sum[j][v]; });
    });
  }
  if (k < dots.depth) {  // The rest goes the same way, with zeros behind it.
    T x[partial_sums] = {}, y[columns][partial_sums] = {};
    for (std::int64_t i = 0; k + i < dots.depth; ++i) {
      x[i] = a[k + i];
      unroll<columns>([&](auto j) { y[j][i] = b[j][k + i]; });
    }
    unroll<vectors>([&](auto v) {
      unroll<columns>([&](auto j) { sum[j][v] = load(x + v * lanes<T>) * load(y[j] + v * lanes<T>) + sum[j][v]; });
    });
  }

  unroll<columns>([&](auto j) {
    T parts[partial_sums];
    unroll<vectors>([&](auto v) { store(parts + v * lanes<T>, sum[j][v]); });
    dots.c[m * dots.c_row + (n + j) * dots.c_column] = add_up(parts);
  });
}

template <class T>
void all_dots(const Dots<T>& dots) {
  // Columns at a time: as many as have their sums in half of the registers.
  constexpr int fitting = registers / 2 / (partial_sums / lanes<T>);
  constexpr int group = fitting >= 4 ? 4 : fitting >= 2 ? 2 : 1;
  std::int64_t n = 0;
  for (; n + group <= dots.columns; n += group) {
    for (std::int64_t m = 0; m < dots.rows; ++m) dots_of_row<T, group>(dots, m, n);
  }
  for (; n < dots.columns; ++n) {
    for (std::int64_t m = 0; m < dots.rows; ++m) dots_of_row<T, 1>(dots, m, n);
  }
}

}  // namespace ravel::kernels::RAVEL_LEVEL
