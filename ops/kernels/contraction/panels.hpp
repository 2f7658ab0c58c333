// Transposes, and the panels in which a tile reads packed operands.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

// The lanes of x and y in turn: x0 y0 x1 y1 .., of their lower (half 0) or upper (half 1) halves.
template <class T, int half, int... i>
[[gnu::always_inline]] inline Vector<T> zip(Vector<T> x, Vector<T> y, Indices<i...>) {
  return __builtin_shufflevector(x, y, (i / 2 + i % 2 * lanes<T> + half * lanes<T> / 2)...);
}

// Transposes `rows` rows, a power of two, of as many columns as a vector has lanes.
// Taken as one sequence, the elements of the block have the number row * lanes + column. Zipping the first half of the
// sequence with the second moves the leading bit of the number to its end; when all bits of the row have gone that way,
// the number is column * rows + row.
template <class T, int rows>
[[gnu::always_inline]] inline void transpose_block(const T* from, std::int64_t from_row, T* to, std::int64_t to_row) {
  using Lanes = typename UpTo<lanes<T>>::All;
  Vector<T> block[rows];
  unroll<rows>([&](auto r) { block[r] = load(from + r * from_row); });
  const auto zip_halves = [&] {
    Vector<T> zipped[rows];
    unroll<rows / 2>([&](auto r) {
      zipped[2 * r] = zip<T, 0>(block[r], block[r + rows / 2], Lanes());
      zipped[2 * r + 1] = zip<T, 1>(block[r], block[r + rows / 2], Lanes());
    });
    unroll<rows>([&](auto r) { block[r] = zipped[r]; });
  };
  for (int bits = rows; bits > 1; bits /= 2) zip_halves();
  if (rows == lanes<T>) {
    unroll<rows>([&](auto r) { store(to + r * to_row, block[r]); });
  } else if (to_row == rows) {
    unroll<rows>([&](auto r) { store(to + r * lanes<T>, block[r]); });
  } else {
    unroll<rows>([&](auto r) {
      constexpr int pieces = lanes<T> / rows;
      T aside[lanes<T>];
      store(aside, block[r]);
      unroll<pieces>(
          [&](auto i) { __builtin_memcpy(to + (r * pieces + i) * to_row, aside + i * rows, rows * sizeof(T)); });
    });
  }
}

// Transposes a matrix of at least `block` rows in blocks of so many, the last of which overlaps the one before. A few
// rows are followed along all columns before the next ones: only so many streams stay in the first-level cache when
// rows are a power of two apart.
template <class T, int block>
void transpose_rows(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
                    std::int64_t to_row) {
  for (std::int64_t next = 0; next < rows; next += block) {
    const std::int64_t i = next + block <= rows ? next : rows - block;
    const T* const source = from + i * from_row;
    std::int64_t j = 0;
    for (; j + lanes<T> <= columns; j += lanes<T>) {
      transpose_block<T, block>(source + j, from_row, to + j * to_row + i, to_row);
    }
    if (j < columns && columns >= lanes<T>) {
      const std::int64_t last = columns - lanes<T>;
      transpose_block<T, block>(source + last, from_row, to + last * to_row + i, to_row);
      j = columns;
    }
    for (; j < columns; ++j) {
      for (int r = 0; r < block; ++r) to[j * to_row + i + r] = source[r * from_row + j];
    }
  }
}

// Transposes in the largest blocks that the rows fill.
template <class T, int block = lanes<T>>
void transpose(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
               std::int64_t to_row) {
  if (rows >= block || block == 1) {
    transpose_rows<T, block>(rows, columns, from, from_row, to, to_row);
  } else if constexpr (block > 1) {
    transpose<T, block / 2>(rows, columns, from, from_row, to, to_row);
  }
}

// Copies neighbours to neighbours. A call of memcpy would cost as much as the copy of a short row.
template <class T>
[[gnu::always_inline]] inline void copy_contiguous(const T* from, std::int64_t count, T* to) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(to + i, load(from + i));
  for (; i < count; ++i) to[i] = from[i];
}

template <class T>
void pack_panel(std::int64_t width, std::int64_t count, std::int64_t depth, const T* from, std::int64_t row_stride,
                std::int64_t depth_stride, T* panel) {
  if (depth_stride == 1 && row_stride != 1) {
    transpose(count, depth, from, row_stride, panel, width);
  } else if (row_stride == 1) {
    for (std::int64_t k = 0; k < depth; ++k) copy_contiguous(from + k * depth_stride, count, panel + k * width);
  } else {
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t i = 0; i < count; ++i) panel[k * width + i] = from[i * row_stride + k * depth_stride];
    }
  }
  for (std::int64_t k = 0; count < width && k < depth; ++k) {
    for (std::int64_t i = count; i < width; ++i) panel[k * width + i] = T(0);
  }
}

}  // namespace ravel::kernels::RAVEL_LEVEL
