// The micro-kernel: one tile of a strip, with its sums in registers.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

// The end of a tile: C is read if it is added to, biases are added, relu is applied, and it is written.
template <class T, int rows, int vectors>
[[gnu::always_inline]] inline void write_tile(const Strip<T>& strip, std::int64_t first,
                                              Vector<T> (&sum)[rows][vectors]) {
  T* const c = strip.c + first * strip.c_step;
  const std::int64_t c_step = strip.c_step;
  std::int64_t c_vector[vectors];
  unroll<vectors>([&](auto v) { c_vector[v] = strip.c_vector[v]; });
  const auto each = [&](const auto& change) __attribute__((always_inline)) {
    unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { change(sum[r][v], r, v); }); });
  };
  if (strip.add) each([&](auto& x, auto r, auto v) { x += load(c + r * c_step + c_vector[v]); });
  if (const T* const bias = strip.row_bias) each([&](auto& x, auto r, auto) { x += broadcast(bias[first + r]); });
  if (const T* const bias = strip.column_bias) each([&](auto& x, auto, auto v) { x += load(bias + v * lanes<T>); });
  if (strip.relu) each([&](auto& x, auto, auto) { x = relu<T>(x); });
  each([&](auto& x, auto r, auto v) { store(c + r * c_step + c_vector[v], x); });
}

// Rows [first, first + rows) of a strip of `vectors` vectors. Per step of the depth: one row of vectors of B is loaded,
// then each element of a column of A is broadcast and multiplied with it. sum += x * b has one product and is therefore
// contracted to a fused multiply-add without ambiguity (these sources are built with -ffp-contract=fast). With
// `copies_b`, what is loaded of B is also written to strip.b_copy, beside the multiplications instead of before them;
// otherwise B is read there if it was copied.
template <class T, bool a_by_table, bool b_by_table, int rows, int vectors, bool copies_b = false>
[[gnu::noinline]] void tile(const Strip<T>& strip, std::int64_t first) {
  Vector<T> sum[rows][vectors];
  const T* a[a_by_table ? rows : 1];
  const T* b[b_by_table ? vectors : 1];
  unroll<rows>([&](auto r) { unroll<vectors>([&](auto v) { sum[r][v] = Vector<T>{}; }); });
  const bool copied = !b_by_table && !copies_b && strip.b_copy != nullptr;
  const T* const b_start = copied ? strip.b_copy : strip.b;
  unroll<b_by_table ? vectors : 1>([&](auto v) { b[v] = b_start + (b_by_table ? strip.b_vector[v] : 0); });
  if constexpr (a_by_table) {
    unroll<rows>([&](auto r) { a[r] = strip.a + strip.a_row[first + r]; });
  } else {
    a[0] = strip.a + first / tile_rows * strip.a_panel;
  }

  const std::int64_t depth = strip.depth, a_step = strip.a_step, b_step = copied ? vectors * lanes<T> : strip.b_step;
  const std::int32_t* const a_depth = strip.a_depth;
  const std::int32_t* const b_depth = strip.b_depth;
  T* copy = strip.b_copy;
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector<T> row[vectors];
    const std::int64_t a_offset = a_by_table ? a_depth[k] : 0, b_offset = b_by_table ? b_depth[k] : 0;
    unroll<vectors>(
        [&](auto v) { row[v] = load(b_by_table ? b[b_by_table ? v : 0] + b_offset : b[0] + v * lanes<T>); });
    if constexpr (copies_b) {
      unroll<vectors>([&](auto v) { store(copy + v * lanes<T>, row[v]); });
      copy += vectors * lanes<T>;
    }
    unroll<rows>([&](auto r) {
      const Vector<T> x = broadcast(a_by_table ? a[a_by_table ? r : 0][a_offset] : a[0][r]);
      unroll<vectors>([&](auto v) { sum[r][v] = x * row[v] + sum[r][v]; });
    });
    if constexpr (!a_by_table) a[0] += a_step;
    if constexpr (!b_by_table) b[0] += b_step;
  }

  write_tile(strip, first, sum);
}

// The tiles of every size for one way of addressing the operands: sizes[rows - 1][vectors - 1], and those with all rows
// that copy B: copying[vectors - 1].
template <class T, bool a_by_table, bool b_by_table>
struct Tiles {
  using Tile = void (*)(const Strip<T>&, std::int64_t);
  Tile sizes[tile_rows][most_vectors] = {};
  Tile copying[most_vectors] = {};

  constexpr Tiles() {
    fill_rows(typename UpTo<tile_rows>::All());
    if constexpr (!b_by_table) fill_copying(typename UpTo<tile_vectors>::All());
    fill_row<0>(typename UpTo<single_row_vectors>::All());
  }

 private:
  template <int... r>
  constexpr void fill_rows(Indices<r...>) {
    (fill_row<r>(typename UpTo<tile_vectors>::All()), ...);
  }
  template <int r, int... v>
  constexpr void fill_row(Indices<v...>) {
    ((sizes[r][v] = tile<T, a_by_table, b_by_table, r + 1, v + 1>), ...);
  }
  template <int... v>
  constexpr void fill_copying(Indices<v...>) {
    ((copying[v] = tile<T, a_by_table, b_by_table, tile_rows, v + 1, true>), ...);
  }
};

}  // namespace ravel::kernels::RAVEL_LEVEL
