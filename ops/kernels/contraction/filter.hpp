// One filter applied to one padded image: sums over taps, for convolutions whose channels do not mix.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

// The sums of `rows` x `vectors` vectors, in registers.
template <class T, int rows, int vectors>
struct Sums {
  Vector<T> at[rows][vectors];
};

// Any taps, one after the other; each reads a vector of the image for each sum.
template <class T, int rows, int vectors>
[[gnu::always_inline]] inline void add_taps(const Filter<T>& filter, const T* const* from,
                                            Sums<T, rows, vectors>& sums) {
  for (std::int64_t k = 0; k < filter.depth; ++k) {
    const Vector<T> x = broadcast(filter.weights[k]);
    unroll<rows>([&](auto r) {
      const std::int64_t offset = r * filter.from_row + filter.taps[k];
      unroll<vectors>([&](auto v) { sums.at[r][v] = x * load(from[v] + offset) + sums.at[r][v]; });
    });
  }
}

// A square of side x side taps; a vector of the image, once read, meets all taps of its column. Row t of the image
// meets row p of the filter in row t - p of the sums, which thus meets its taps in order, row by row.
template <class T, int side, int rows, int vectors>
[[gnu::always_inline]] inline void add_square(const Filter<T>& filter, const T* const* from,
                                              Sums<T, rows, vectors>& sums) {
  unroll<rows + side - 1>([&](auto t) {
    unroll<side>([&](auto q) {
      const std::int64_t offset = t * filter.from_row + filter.taps[q];
      Vector<T> x[vectors];
      unroll<vectors>([&](auto v) { x[v] = in_register<T>(load(from[v] + offset)); });
      unroll<side>([&](auto p) {
        constexpr int row = decltype(t)::value - decltype(p)::value;
        if constexpr (row >= 0 && row < rows) {
          const Vector<T> weight = broadcast(filter.weights[p * side + q]);
          unroll<vectors>([&](auto v) { sums.at[row][v] = weight * x[v] + sums.at[row][v]; });
        }
      });
    });
  });
}

// `rows` rows from `first` on, `vectors` vectors of each from number `vector` on.
template <class T, int side, int rows, int vectors>
[[gnu::noinline]] void filter_tile(const Filter<T>& filter, std::int64_t first, std::int64_t vector) {
  Sums<T, rows, vectors> sums;
  const T* from[vectors];
  unroll<vectors>([&](auto v) { from[v] = filter.from + first * filter.from_row + filter.columns[vector + v]; });
  unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { sums.at[r][v] = Vector<T>{}; }); });
  if constexpr (side == 0) {
    add_taps(filter, from, sums);
  } else {
    add_square<T, side>(filter, from, sums);
  }
  if (filter.bias != nullptr) {
    const Vector<T> bias = broadcast(*filter.bias);
    unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { sums.at[r][v] += bias; }); });
  }
  if (filter.relu)
    unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { sums.at[r][v] = relu<T>(sums.at[r][v]); }); });
  T* to[vectors];
  const std::int64_t to_row = filter.to_row;
  unroll<vectors>([&](auto v) { to[v] = filter.to + first * to_row + filter.columns[vector + v]; });
  unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { store(to[v] + r * to_row, sums.at[r][v]); }); });
}

// All rows; the last tile overlaps the one before, so that it ends with the rows.
template <class T, int side, int vectors>
void filter_rows(const Filter<T>& filter, std::int64_t vector) {
  if (filter.rows < filter_tile_rows) {
    for (std::int64_t i = 0; i < filter.rows; ++i) filter_tile<T, side, 1, vectors>(filter, i, vector);
    return;
  }
  for (std::int64_t i = 0; i < filter.rows; i += filter_tile_rows) {
    const std::int64_t last = filter.rows - filter_tile_rows;
    filter_tile<T, side, filter_tile_rows, vectors>(filter, i < last ? i : last, vector);
  }
}

template <class T, int side>
void filter_columns(const Filter<T>& filter) {
  std::int64_t v = 0;
  for (; v + filter_tile_vectors <= filter.vectors; v += filter_tile_vectors) {
    filter_rows<T, side, filter_tile_vectors>(filter, v);
  }
  for (; v < filter.vectors; ++v) filter_rows<T, side, 1>(filter, v);
}

template <class T>
void filter_plane(const Filter<T>& filter) {
  switch (filter.side) {
    case 3: return filter_columns<T, 3>(filter);
    case 5: return filter_columns<T, 5>(filter);
    case 7: return filter_columns<T, 7>(filter);
    default: return filter_columns<T, 0>(filter);
  }
}

}  // namespace ravel::kernels::RAVEL_LEVEL
