// Dot products along memory: for matrix products with very few rows whose operands both lie along the depth, and for
// weight gradients with few output channels.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

inline constexpr int partial_sums = 32;

// Adds up each of `count` runs of 2 * half numbers, which lie one after the other, halves onto halves; parts[i] is then
// the sum of run i.
template <int half = partial_sums / 2, class T>
[[gnu::always_inline]] inline void add_up(T* parts, int count) {
  for (int run = 0; run < count; ++run) {
    T sums[half];
    for (int i = 0; i < half; ++i) sums[i] = parts[2 * half * run + i] + parts[2 * half * run + half + i];
    for (int i = 0; i < half; ++i) parts[half * run + i] = sums[i];
  }
  if constexpr (half > 1) add_up<half / 2>(parts, count);
}

// The first `count` numbers of a vector, with zeros behind them.
template <class T>
[[gnu::always_inline]] inline Vector<T> load_part(const T* from, std::int64_t count) {
  if (count >= lanes<T>) return load(from);
  T part[lanes<T>] = {};
  for (std::int64_t i = 0; i < count; ++i) part[i] = from[i];
  return load(part);
}

// The dot products of `rows` rows of A from row m on with `columns` rows of B from row n on.
template <class T, int rows, int columns>
void dots_of_tile(const Dots<T>& dots, std::int64_t m, std::int64_t n) {
  constexpr int vectors = partial_sums / lanes<T>;
  const T *a[rows], *b[columns];
  unroll<rows>([&](auto i) { a[i] = dots.a + (m + i) * dots.a_row; });
  unroll<columns>(
      [&](auto j) { b[j] = dots.b + (dots.b_rows != nullptr ? dots.b_rows[n + j] : (n + j) * dots.b_row); });
  Vector<T> sum[rows][columns][vectors];
  unroll<rows>(
      [&](auto i) { unroll<columns>([&](auto j) { unroll<vectors>([&](auto v) { sum[i][j][v] = Vector<T>{}; }); }); });
  const auto multiply = [&](auto v, const auto& load_of) {
    Vector<T> x[rows];
    unroll<rows>([&](auto i) { x[i] = in_register<T>(load_of(a[i])); });
    unroll<columns>([&](auto j) {
      const Vector<T> y = in_register<T>(load_of(b[j]));
      unroll<rows>([&](auto i) { sum[i][j][v] = x[i] * y + sum[i][j][v]; });
    });
  };

  std::int64_t k = 0;
  for (; k + partial_sums <= dots.depth; k += partial_sums) {
    unroll<vectors>([&](auto v) { multiply(v, [&](const T* from) { return load(from + k + v * lanes<T>); }); });
  }
  if (k < dots.depth) {  // The rest goes the same way, with zeros behind it.
    unroll<vectors>([&](auto v) {
      const std::int64_t first = k + v * lanes<T>;
      multiply(v, [&](const T* from) { return load_part(from + first, dots.depth - first); });
    });
  }

  T parts[rows * columns * partial_sums];
  unroll<rows>([&](auto i) {
    unroll<columns>([&](auto j) {
      unroll<vectors>([&](auto v) { store(parts + (i * columns + j) * partial_sums + v * lanes<T>, sum[i][j][v]); });
    });
  });
  add_up(parts, rows * columns);
  unroll<rows>([&](auto i) {
    unroll<columns>([&](auto j) { dots.c[(m + i) * dots.c_row + (n + j) * dots.c_column] = parts[i * columns + j]; });
  });
}

// All rows of A with `columns` rows of B, `rows` at a time.
template <class T, int rows, int columns>
void dots_of_rows(const Dots<T>& dots, std::int64_t n) {
  std::int64_t m = 0;
  for (; m + rows <= dots.rows; m += rows) dots_of_tile<T, rows, columns>(dots, m, n);
  for (; m < dots.rows; ++m) dots_of_tile<T, 1, columns>(dots, m, n);
}

template <class T>
void all_dots(const Dots<T>& dots) {
  constexpr int fitting = registers / 2 / (partial_sums / lanes<T>);  // dots with their sums in half of the registers
  constexpr int rows = fitting >= 4 ? 2 : 1, columns = fitting >= 2 ? fitting / rows : 1;
  std::int64_t n = 0;
  for (; n + columns <= dots.columns; n += columns) dots_of_rows<T, rows, columns>(dots, n);
  for (; n < dots.columns; ++n) dots_of_rows<T, rows, 1>(dots, n);
}

}  // namespace ravel::kernels::RAVEL_LEVEL
