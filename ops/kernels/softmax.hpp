// Kernels over the rows of a packed matrix (rows, count): what softmax and its relatives share. Short rows are handled
// several at a time, in blocks of at most block_size elements, so that the exponentials run over full vectors.
#pragma once

#include <limits>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/kernels/reduce.hpp"

namespace ravel::kernels {

// Calls body(first, rows) for blocks of rows that cover the matrix: as many as fit into block_size elements together,
// or four, which are reduced side by side. There are at most block_size of them. How it is cut changes no result.
template <class F>
void for_row_blocks(std::int64_t rows, std::int64_t count, const F& body) {
  if (count == 0) return;
  const std::int64_t together = std::max<std::int64_t>(4, block_size / count);
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

// y[row] = `combine` over the values of a row. f(first, n, k, length) gives those of columns k .. k + length - 1 of
// rows first .. first + n - 1 as a packed block of at most block_size elements: of several rows, or a part of one.
template <class T, class Combine, class F>
void fold_rows(std::int64_t rows, std::int64_t count, T identity, const Combine& combine, T* y, const F& f) {
  std::fill(y, y + rows, identity);
  T part[block_size];
  const std::int64_t together = std::max<std::int64_t>(1, block_size / count);
  for (std::int64_t first = 0; first < rows; first += together) {
    const std::int64_t n = std::min(together, rows - first);
    for (std::int64_t k = 0; k < count; k += block_size) {
      const std::int64_t length = std::min(block_size, count - k);
      combine_columns(f(first, n, k, length), n, length, identity, combine, part);
      for (std::int64_t row = 0; row < n; ++row) y[first + row] = combine(y[first + row], part[row]);
    }
  }
}

// fold_rows() for values that lie in memory, as packed rows: four of its blocks at a time, whose chains do not wait for
// each other.
template <class T, class Combine>
void fold_packed_rows(std::int64_t rows, std::int64_t count, const T* x, T identity, const Combine& combine, T* y) {
  if (count <= reduce_lanes) {
    return fold_rows(rows, count, identity, combine, y,
                     [=](std::int64_t first, std::int64_t, std::int64_t, std::int64_t) { return x + first * count; });
  }
  std::fill(y, y + rows, identity);
  at_level([=] {
    const std::int64_t row_blocks = (count + block_size - 1) / block_size, blocks = rows * row_blocks;
    for (std::int64_t first = 0; first < blocks; first += reduce_runs) {
      const std::int64_t n = std::min(reduce_runs, blocks - first);
      std::int64_t lengths[reduce_runs];
      T part[reduce_runs];
      for (std::int64_t i = 0; i < n; ++i) {
        lengths[i] = std::min(block_size, count - (first + i) % row_blocks * block_size);
      }
      combine_runs(x + first / row_blocks * count + first % row_blocks * block_size, lengths, n, identity, combine,
                   part);
      for (std::int64_t i = 0; i < n; ++i) {
        T& result = y[(first + i) / row_blocks];
        result = combine(result, part[i]);
      }
    }
  });
}

// y = exp(x - value[row]). Short rows would leave lanes idle: their exponentials run over all rows at once.
template <class T>
void exp_rows(std::int64_t rows, std::int64_t count, const T* x, const T* value, T* y) {
  if (count >= block_size / 8) {
    return map_rows(
        rows, count, [](T v, T m) { return exp(v - m); }, y, value, x);
  }
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
  fold_packed_rows(rows, count, x, -std::numeric_limits<T>::infinity(), larger, largest);
  alignas(64) T powers[block_size];
  fold_rows(rows, count, T{0}, add, total, [&](std::int64_t row, std::int64_t n, std::int64_t k, std::int64_t length) {
    exp_rows(n, length, x + row * count + k, largest + row, powers);
    return powers;
  });
}

// y = softmax of each of `rows` packed rows of `count` elements; y may be x. log_softmax_rows is its logarithm.
template <class T>
void softmax_rows(std::int64_t rows, std::int64_t count, const T* x, T* y) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    const T* const from = x + first * count;
    T* const to = y + first * count;
    T value[block_size];
    fold_packed_rows(n, count, from, -std::numeric_limits<T>::infinity(), larger, value);
    exp_rows(n, count, from, value, to);
    fold_packed_rows(n, count, to, T{0}, add, value);
    map_rows(
        n, count, [](T v, T total) { return v / total; }, to, value, to);
  });
}

template <class T>
void log_softmax_rows(std::int64_t rows, std::int64_t count, const T* x, T* y) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    T largest[block_size], total[block_size];
    const T* const from = x + first * count;
    T* const to = y + first * count;
    normalize_rows(n, count, from, largest, total);
    at_level([=, &largest, &total] {
      for (std::int64_t row = 0; row < n; ++row) {
        const T top = largest[row], rest = log(total[row]);
        RAVEL_INDEPENDENT
        for (std::int64_t k = row * count; k < (row + 1) * count; ++k) to[k] = (from[k] - top) - rest;
      }
    });
  });
}

#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t softmax_least_columns = 2, softmax_tile_columns = 3, softmax_tile_elements = 12;
#else
inline constexpr std::int64_t softmax_least_columns =
    16;  // below, a transposed copy and the kernels over rows are faster
inline constexpr std::int64_t softmax_tile_columns = 64;        // the fewest that are worth a task
inline constexpr std::int64_t softmax_tile_elements = 1 << 16;  // of a task; they stay in the second cache
#endif
inline constexpr std::int64_t softmax_fetched_ahead = 128;  // elements by which the processor is ahead, or fewer

// A matrix of which rows are `pitch` elements apart.
struct Pitched {
  std::int64_t rows, columns, pitch;
};

// y[column] = `combine` over the rows of x, with the bits of fold_rows() for the transposed matrix.
template <class T, class Combine>
void fold_columns(const Pitched& shape, const T* x, T identity, const Combine& combine, T* lanes, T* y) {
  std::int64_t offsets[block_size];
  for (std::int64_t i = 0; i < std::min(block_size, shape.rows); ++i) offsets[i] = i * shape.pitch;
  std::fill(y, y + shape.columns, identity);
  T part[block_size];
  for (std::int64_t row = 0; row < shape.rows; row += block_size) {
    combine_rows(x + row * shape.pitch, offsets, std::min(block_size, shape.rows - row), shape.columns, identity,
                 combine, lanes, part);
    for (std::int64_t i = 0; i < shape.columns; ++i) y[i] = combine(y[i], part[i]);
  }
}

// y = f(x, value of the column), `shape` being that of y; y may be x. The last `falling` elements of each row, a
// multiple of 16, are written first, backwards.
template <class T, class F>
void map_columns(const Pitched& shape, std::int64_t falling, const F& f, T* y, const T* value, PitchedRows<T> x) {
  constexpr std::int64_t step = 16;
  at_level([=] {
    const std::int64_t rising = shape.columns - falling;
    for (std::int64_t row = 0; row < shape.rows; ++row) {
      T* const to = y + row * shape.pitch;
      const T* const from = x.data + row * x.pitch;
      for (std::int64_t i = shape.columns - step; i >= rising; i -= step) {
        RAVEL_INDEPENDENT RAVEL_KEEP_LOOP for (std::int64_t k = i; k < i + step; ++k) to[k] = f(from[k], value[k]);
      }
      RAVEL_INDEPENDENT
      for (std::int64_t k = 0; k < rising; ++k) to[k] = f(from[k], value[k]);
    }
  });
}

// Columns side by side of x and y, with `values` = exp(x - largest) and their sums, `total`, over each column; and how
// map_columns() is to write y.
template <class T>
struct ColumnTile {
  Pitched shape, values_shape;
  std::int64_t falling;
  const T* x;
  T *values, *y;
  T *largest, *total;
};

// Softmax over the columns of packed matrices (outer, rows, columns): finish(tile) for tiles that cover them. Values
// are in y; but where most tiles lie beside those of other threads, they are kept `apart` until y is written once, the
// end of each row first: what the processor fetches ahead of rising addresses is then of the tile itself, and no lines
// that another thread would have to fetch back.
template <class T, class F>
void exp_columns(std::int64_t outer, std::int64_t rows, std::int64_t columns, const T* x, T* y, const F& finish) {
  const std::int64_t width = std::clamp(softmax_tile_elements / std::max<std::int64_t>(1, rows),
                                        std::min(softmax_tile_columns, block_size), block_size);
  const std::int64_t tiles = (columns + width - 1) / width;
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, rows * width));
  const bool apart =
      threads() > 1 && tiles > 1 && outer * tiles <= 2 * threads() && rows * width <= softmax_tile_elements;
  parallel(outer * tiles, grain, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> lanes(reduce_lanes * width), copy(apart ? rows * width : 0);
    T largest[block_size], total[block_size];
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t first = task % tiles * width, at = task / tiles * rows * columns + first;
      const std::int64_t count = std::min(width, columns - first);
      const ColumnTile<T> tile{.shape = {rows, count, columns},
                               .values_shape = {rows, count, apart ? count : columns},
                               .falling = apart ? std::min(count, softmax_fetched_ahead) / 16 * 16 : 0,
                               .x = x + at,
                               .values = apart ? copy.data() : y + at,
                               .y = y + at,
                               .largest = largest,
                               .total = total};
      fold_columns(tile.shape, tile.x, -std::numeric_limits<T>::infinity(), larger, lanes.data(), largest);
      map_columns(
          tile.values_shape, 0, [](T v, T m) { return exp(v - m); }, tile.values, largest,
          PitchedRows<T>{tile.x, columns});
      fold_columns(tile.values_shape, tile.values, T{0}, add, lanes.data(), total);
      finish(tile);
    }
  });
}

// The same over the middle dimension of packed x and y (outer, rows, columns); y may not be x.
template <class T>
void softmax_columns(std::int64_t outer, std::int64_t rows, std::int64_t columns, const T* x, T* y) {
  exp_columns(outer, rows, columns, x, y, [](const ColumnTile<T>& tile) {
    map_columns(
        tile.shape, tile.falling, [](T v, T sum) { return v / sum; }, tile.y, tile.total,
        PitchedRows<T>{tile.values, tile.values_shape.pitch});
  });
}

template <class T>
void log_softmax_columns(std::int64_t outer, std::int64_t rows, std::int64_t columns, const T* x, T* y) {
  exp_columns(outer, rows, columns, x, y, [](const ColumnTile<T>& tile) {
    for (std::int64_t i = 0; i < tile.shape.columns; ++i) tile.total[i] = log(tile.total[i]);
    map_columns(
        tile.values_shape, 0, [](T v, T top) { return v - top; }, tile.values, tile.largest,
        PitchedRows<T>{tile.x, tile.shape.pitch});
    map_columns(
        tile.shape, tile.falling, [](T v, T rest) { return v - rest; }, tile.y, tile.total,
        PitchedRows<T>{tile.values, tile.values_shape.pitch});
  });
}

// out = y (g - sum(g y))
template <class T>
void softmax_backward_rows(std::int64_t rows, std::int64_t count, const T* g, const T* y, T* out) {
  for_row_blocks(rows, count, [=](std::int64_t first, std::int64_t n) {
    const std::int64_t at = first * count;
    T dot[block_size];
    alignas(64) T products[block_size];
    fold_rows(n, count, T{0}, add, dot, [&](std::int64_t row, std::int64_t m, std::int64_t k, std::int64_t length) {
      const std::int64_t from = at + row * count + k;
      map_loop([](T u, T v) { return u * v; }, m * length, products, g + from, y + from);
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
    fold_packed_rows(n, count, g + at, T{0}, add, total);
    map_loop([](T v) { return exp(v); }, n * count, out + at, y + at);
    map_rows(
        n, count, [](T u, T p, T s) { return u - p * s; }, out + at, total, g + at, out + at);
  });
}

}  // namespace ravel::kernels
