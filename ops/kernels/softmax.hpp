// Kernels over the rows of a packed matrix (rows, count): what softmax and its relatives share. Short rows are handled
// several at a time, in blocks of at most block_size elements, so that the exponentials run over full vectors.
#pragma once

#include <limits>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/kernels/reduce.hpp"

namespace ravel::kernels {

// Calls body(first, rows) for blocks of rows that cover the matrix: several rows that fit into block_size elements
// together, or one row that may be longer. How it is cut changes no result.
template <class F>
void for_row_blocks(std::int64_t rows, std::int64_t count, const F& body) {
  if (count == 0) return;
  const std::int64_t together = std::max<std::int64_t>(1, block_size / count);
  parallel(rows, std::max<std::int64_t>(1, elements_per_task / count), [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += together) body(begin, std::min(together, end - begin));
  });
}

// y[row, k] = f(x[row, k]..., value[row]) for `rows` rows of `count` elements.
template <class T, class F, class... In>
void map_rows(std::int64_t rows, std::int64_t count, const F& f, T* y, const T* value, const In*... x) {
  at_level([=] {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t first = row * count;
      const T scalar = value[row];
      RAVEL_INDEPENDENT
      for (std::int64_t k = first; k < first + count; ++k) y[k] = f(x[k]..., scalar);
    }
  });
}

// y[row] = `combine` over k of f(k, length, row), the values of columns k .. k + length - 1 of all rows as a packed
// block: one block, or for a single long row several, one after the other.
template <class T, class Combine, class F>
void fold_rows(std::int64_t rows, std::int64_t count, T identity, const Combine& combine, T* y, const F& f) {
  std::fill(y, y + rows, identity);
  T part[block_size];
  for (std::int64_t k = 0; k < count; k += block_size) {
    const std::int64_t length = std::min(block_size, count - k);
    combine_columns(f(k, length), rows, length, identity, combine, part);
    for (std::int64_t row = 0; row < rows; ++row) y[row] = combine(y[row], part[row]);
  }
}

// y = exp(x - value[row])
template <class T>
void exp_rows(std::int64_t rows, std::int64_t count, const T* x, const T* value, T* y) {
  map_rows(
      rows, count, [](T v, T m) { return v - m; }, y, value, x);
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t k = 0; k < rows * count; ++k) y[k] = exp(y[k]);
  });
}

// The largest element of each row, and the sum of exp(x - largest).
template <class T>
void normalize_rows(std::int64_t rows, std::int64_t count, const T* x, T* largest, T* total) {
  fold_rows(rows, count, -std::numeric_limits<T>::infinity(), larger, largest,
            [=](std::int64_t k, std::int64_t) { return x + k; });
  alignas(64) T powers[block_size];
  fold_rows(rows, count, T{0}, add, total, [&](std::int64_t k, std::int64_t length) {
    exp_rows(rows, length, x + k, largest, powers);
    return powers;
  });
}

template <class T>
void softmax_rows(std::int64_t rows, std::int64_t count, const T* x, T* y) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    const T* const from = x + first * count;
    T* const to = y + first * count;
    T value[block_size];
    fold_rows(n, count, -std::numeric_limits<T>::infinity(), larger, value,
              [=](std::int64_t k, std::int64_t) { return from + k; });
    exp_rows(n, count, from, value, to);
    fold_rows(n, count, T{0}, add, value, [=](std::int64_t k, std::int64_t) { return to + k; });
    map_rows(
        n, count, [](T v, T total) { return v / total; }, to, value, to);
  });
}

template <class T>
void log_softmax_rows(std::int64_t rows, std::int64_t count, const T* x, T* y) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    T largest[block_size], total[block_size];
    normalize_rows(n, count, x + first * count, largest, total);
    for (std::int64_t row = 0; row < n; ++row) total[row] = log(total[row]);
    T* const to = y + first * count;
    map_rows(
        n, count, [](T v, T m) { return v - m; }, to, largest, x + first * count);
    map_rows(
        n, count, [](T v, T log_total) { return v - log_total; }, to, total, to);
  });
}

// out = y (g - sum(g y))
template <class T>
void softmax_backward_rows(std::int64_t rows, std::int64_t count, const T* g, const T* y, T* out) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    const std::int64_t at = first * count;
    T dot[block_size];
    alignas(64) T products[block_size];
    fold_rows(n, count, T{0}, add, dot, [&](std::int64_t k, std::int64_t length) {
      map_loop([](T u, T v) { return u * v; }, n * length, products, g + at + k, y + at + k);
      return products;
    });
    map_rows(
        n, count, [](T u, T v, T d) { return v * (u - d); }, out + at, dot, g + at, y + at);
  });
}

// out = g - exp(y) sum(g)
template <class T>
void log_softmax_backward_rows(std::int64_t rows, std::int64_t count, const T* g, const T* y, T* out) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    const std::int64_t at = first * count;
    T total[block_size];
    fold_rows(n, count, T{0}, add, total, [=](std::int64_t k, std::int64_t) { return g + at + k; });
    map_loop([](T v) { return exp(v); }, n * count, out + at, y + at);
    map_rows(
        n, count, [](T u, T p, T s) { return u - p * s; }, out + at, total, g + at, out + at);
  });
}

}  // namespace ravel::kernels
