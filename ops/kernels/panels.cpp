#include "ravel/ops/kernels/panels.hpp"

#include <algorithm>

namespace ravel::kernels {
namespace {

// Vectors of 16 bytes, which every processor has: four floats or two doubles.
template <class T>
struct Quad {
  static constexpr int lanes = 16 / static_cast<int>(sizeof(T));
  typedef T Vector __attribute__((vector_size(16)));
  typedef T Unaligned __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
  static Vector load(const T* from) { return *reinterpret_cast<const Unaligned*>(from); }
  static void store(T* to, Vector x) { *reinterpret_cast<Unaligned*>(to) = x; }
};

// Transposes one square of as many rows as a vector has lanes.
void transpose_square(const float* from, std::int64_t from_row, float* to, std::int64_t to_row) {
  using Q = Quad<float>;
  const auto a = Q::load(from), b = Q::load(from + from_row);
  const auto c = Q::load(from + 2 * from_row), d = Q::load(from + 3 * from_row);
  const auto ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const auto cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  Q::store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  Q::store(to + to_row, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  Q::store(to + 2 * to_row, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  Q::store(to + 3 * to_row, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

void transpose_square(const double* from, std::int64_t from_row, double* to, std::int64_t to_row) {
  using Q = Quad<double>;
  const auto a = Q::load(from), b = Q::load(from + from_row);
  Q::store(to, __builtin_shufflevector(a, b, 0, 2));
  Q::store(to + to_row, __builtin_shufflevector(a, b, 1, 3));
}

// Short rows: a call of memcpy would cost as much as the copy.
template <class T>
void copy_row(const T* from, std::int64_t count, T* to) {
  std::int64_t i = 0;
  for (; i + Quad<T>::lanes <= count; i += Quad<T>::lanes) Quad<T>::store(to + i, Quad<T>::load(from + i));
  for (; i < count; ++i) to[i] = from[i];
}

}  // namespace

// A few rows are followed along all columns before the next ones: only so many streams stay in the first-level cache
// when rows are a power of two apart.
template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
               std::int64_t to_row) {
  constexpr std::int64_t square = Quad<T>::lanes;
  const std::int64_t whole_columns = columns / square * square;
  std::int64_t i = 0;
  for (; i + square <= rows; i += square) {
    const T* const source = from + i * from_row;
    for (std::int64_t j = 0; j < whole_columns; j += square) {
      transpose_square(source + j, from_row, to + j * to_row + i, to_row);
    }
    for (std::int64_t j = whole_columns; j < columns; ++j) {
      for (std::int64_t r = 0; r < square; ++r) to[j * to_row + i + r] = source[r * from_row + j];
    }
  }
  for (; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
  }
}

template <class T>
void pack_panel(std::int64_t width, std::int64_t count, std::int64_t depth, const T* from, std::int64_t row_stride,
                std::int64_t depth_stride, T* panel) {
  if (depth_stride == 1 && row_stride != 1) {
    transpose(count, depth, from, row_stride, panel, width);
  } else if (row_stride == 1) {
    for (std::int64_t k = 0; k < depth; ++k) copy_row(from + k * depth_stride, count, panel + k * width);
  } else {
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t i = 0; i < count; ++i) panel[k * width + i] = from[i * row_stride + k * depth_stride];
    }
  }
  if (count == width) return;
  for (std::int64_t k = 0; k < depth; ++k) std::fill(panel + k * width + count, panel + (k + 1) * width, T(0));
}

template void transpose(std::int64_t, std::int64_t, const float*, std::int64_t, float*, std::int64_t);
template void transpose(std::int64_t, std::int64_t, const double*, std::int64_t, double*, std::int64_t);
template void pack_panel(std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t, float*);
template void pack_panel(std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t, std::int64_t, double*);

}  // namespace ravel::kernels
