// Dot products along memory, for matrix products with very few rows whose operands both lie along the depth.
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

// The dot products of one row of A with `columns` neighbouring rows of B, which share the loads of A.
template <class T, int columns>
[[gnu::always_inline]] inline void dots_of_row(const Dots<T>& dots, const T* a, const T* b, T* c) {
  constexpr int vectors = partial_sums / lanes<T>;
  Vector<T> sum[columns][vectors];
  unroll<columns>([&](auto n) { unroll<vectors>([&](auto v) { sum[n][v] = Vector<T>{}; }); });
  const auto add_products = [&](const T* x, const T* y, std::int64_t y_row) __attribute__((always_inline)) {
    unroll<vectors>([&](auto v) {
      const Vector<T> left = load(x + v * lanes<T>);
      unroll<columns>([&](auto n) { sum[n][v] = left * load(y + n * y_row + v * lanes<T>) + sum[n][v]; });
    });
  };
  std::int64_t k = 0;
  for (; k + partial_sums <= dots.depth; k += partial_sums) add_products(a + k, b + k, dots.b_row);
  if (k < dots.depth) {  // The rest goes the same way, with zeros behind it.
    T x[partial_sums] = {}, y[columns][partial_sums] = {};
    for (std::int64_t i = 0; k + i < dots.depth; ++i) {
      x[i] = a[k + i];
      unroll<columns>([&](auto n) { y[n][i] = b[n * dots.b_row + k + i]; });
    }
    add_products(x, y[0], partial_sums);
  }
  unroll<columns>([&](auto n) {
    T parts[partial_sums];
    unroll<vectors>([&](auto v) { store(parts + v * lanes<T>, sum[n][v]); });
    c[n * dots.c_column] = add_up(parts);
  });
}

template <class T>
void all_dots(const Dots<T>& dots) {
  // Columns at a time: as many as have their sums in half of the registers.
  constexpr int fitting = registers / 2 / (partial_sums / lanes<T>);
  constexpr int group = fitting >= 4 ? 4 : fitting >= 2 ? 2 : 1;
  for (std::int64_t m = 0; m < dots.rows; ++m) {
    const T* const a = dots.a + m * dots.a_row;
    T* const c = dots.c + m * dots.c_row;
    std::int64_t n = 0;
    for (; n + group <= dots.columns; n += group) {
      dots_of_row<T, group>(dots, a, dots.b + n * dots.b_row, c + n * dots.c_column);
    }
    for (; n < dots.columns; ++n) dots_of_row<T, 1>(dots, a, dots.b + n * dots.b_row, c + n * dots.c_column);
  }
}

}  // namespace ravel::kernels::RAVEL_LEVEL
