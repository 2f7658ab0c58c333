// The contraction kernel: what each level of instruction set offers to the drivers of matrix products and convolutions.
//
// One kernel multiplies a strip: C (rows, columns) = A (rows, depth) B (depth, columns), where the columns are a few
// vectors of `lanes` elements. The operands lie where they lie: a packed panel, a matrix with strides, or a zero-padded
// image in which a tap of a filter is an offset. Offset tables say where, so that nothing is unrolled or copied for it.
// Each element of C is one chain of fused multiply-adds over the depth, in order, whatever the shape of the tile.
//
// This header is read by sources that are built for different processors: it may hold no inline function.
#pragma once

#include <cstdint>

namespace ravel::kernels {

inline constexpr int most_vectors = 8;  // that a strip may have at any level

template <class T>
struct Strip {
  std::int64_t rows = 0, depth = 0;
  int vectors = 0;  // at most Contraction::vectors; for one row at most Contraction::single_row_vectors

  // A, either by panels of Contraction::tile_rows rows, of which the last may be partial:
  //   A(m, k) = a[m / tile_rows * a_panel + m % tile_rows + k * a_step]
  // or, when a_row is not null, by tables:
  //   A(m, k) = a[a_row[m] + a_depth[k]]
  const T* a = nullptr;
  std::int64_t a_panel = 0, a_step = 0;
  const std::int64_t* a_row = nullptr;
  const std::int32_t* a_depth = nullptr;

  // B: vector v of row k starts at b + v * lanes + k * b_step or, when b_depth is not null (A comes by panels then), at
  // b + b_vector[v] + b_depth[k].
  const T* b = nullptr;
  std::int64_t b_step = 0;
  const std::int32_t* b_depth = nullptr;
  std::int64_t b_vector[most_vectors] = {};
  // Not null: the first tile, which must have all its rows, copies B on its way, row after row without gaps, and the
  // others read the copy. B comes by steps then.
  T* b_copy = nullptr;

  // Vector v of row m of C starts at c + m * c_step + c_vector[v]. The product replaces C or, with `add`, is added to
  // it; then row_bias[m] and vector v of column_bias are added, where they are not null, and with `relu` what is below
  // 0 becomes 0.
  T* c = nullptr;
  std::int64_t c_step = 0;
  std::int64_t c_vector[most_vectors] = {};
  bool add = false;
  const T* row_bias = nullptr;
  const T* column_bias = nullptr;
  bool relu = false;
  bool c_is_far = false;  // C is in no near cache: the lines that a tile will write are fetched before it starts

  // What the caller will read next, which is fetched into the second-level cache meanwhile: so many rows of
  // `ahead_width` elements, the first at `ahead`, each ahead_step elements after the one before.
  const T* ahead = nullptr;
  std::int64_t ahead_rows = 0, ahead_width = 0, ahead_step = 0;
};

// Dot products of rows that lie along memory: c[m * c_row + n * c_column] = sum over k of a[m * a_row + k] b[row n +
// k], where row n of B starts at n * b_row or, when b_rows is not null, at b_rows[n]. The sum has 32 partial sums,
// element k going to number k % 32, which are added in a tree: the same order at every level.
template <class T>
struct Dots {
  std::int64_t rows = 0, columns = 0, depth = 0;
  const T* a = nullptr;
  std::int64_t a_row = 0;
  const T* b = nullptr;
  std::int64_t b_row = 0;
  const std::int32_t* b_rows = nullptr;
  T* c = nullptr;
  std::int64_t c_row = 0, c_column = 0;
};

// A filter over one padded image: for all i < rows and v < vectors, the vector at to + i * to_row + columns[v] becomes
//   sum over k of weights[k] * (the vector at from + i * from_row + columns[v] + taps[k])  + bias
// or, with `relu`, 0 where that is below 0.
// Each element is one chain of fused multiply-adds over the taps, as in a strip. Vectors may overlap.
template <class T>
struct Filter {
  std::int64_t depth = 0, rows = 0, vectors = 0;
  const T* weights = nullptr;
  const std::int32_t* taps = nullptr;
  int side = 0;  // 3, 5 or 7 if taps form such a square, taps[p * side + q] = p * from_row + taps[q], which is faster
  const T* bias = nullptr;  // one number, or null
  bool relu = false;
  const T* from = nullptr;
  T* to = nullptr;
  const std::int32_t* columns = nullptr;
  std::int64_t from_row = 0, to_row = 0;
};

// The kernels of one level, and the sizes of its tiles.
template <class T>
struct Contraction {
  int lanes;               // elements of a vector
  int tile_rows;           // rows of C that are kept in registers at once ...
  int vectors;             // ... and vectors of each of these rows
  int single_row_vectors;  // the same where C has one row
  void (*contract)(const Strip<T>&);
  void (*dots)(const Dots<T>&);
  void (*filter)(const Filter<T>&);

  // Moving matrices: see panels.hpp.
  void (*transpose)(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
                    std::int64_t to_row);
  void (*pack_panel)(std::int64_t width, std::int64_t count, std::int64_t depth, const T* from, std::int64_t row_stride,
                     std::int64_t depth_stride, T* panel);
};

// The kernels of the level that isa() names.
template <class T>
const Contraction<T>& contraction();

}  // namespace ravel::kernels
