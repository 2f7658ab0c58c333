// Matrix products.
#pragma once

#include <cstdint>
#include <span>

namespace ravel::kernels {

// A matrix of floats or doubles in memory: element (i, j) is data[i * row_stride + j * column_stride]. One of the
// strides is usually 1; a transposed matrix has the two exchanged, so it need not be copied first.
template <class T>
struct Matrix {
  const T* data;
  std::int64_t row_stride, column_stride;
};

// Where the `count` products of a batch lie: product i reads a.data + a[i] and b.data + b[i] and writes c + c_stride *
// i, in elements. A span has an offset for each product, or is empty and stands for offset 0 throughout. Products are
// independent: an operand that several of them read is packed for each.
struct Batch {
  std::int64_t count = 1;
  std::span<const std::int64_t> a, b;
  std::int64_t c_stride = 0;
};

// What is done to C besides the product: C = A B + row_bias(m), or + column_bias(n); null for none. Not both: the order
// of the two sums would depend on how the product is cut. With `relu`, what is below 0 then becomes 0.
template <class T>
struct Epilogue {
  const T* row_bias = nullptr;     // (rows) added along each row
  const T* column_bias = nullptr;  // (columns) added along each column
  bool relu = false;
};

// C (rows, columns), row-major with `c_row_stride`, becomes A (rows, depth) times B (depth, columns).
// Each element is one chain of fused multiply-adds over `depth`, in blocks that the shape fixes; where C has few rows
// or columns (dots_rows), both operands lie along the depth and that has some length, it is a dot product with 32
// partial sums. Either way the bits are the same for every number of threads and for every instruction set that has
// FMA. T is float or double.
template <class T>
void gemm(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<T> a, Matrix<T> b, T* c,
          std::int64_t c_row_stride, const Epilogue<T>& epilogue = {}, const Batch& batch = {});

// About how long such a product takes on one thread, in the time of one multiply-add of one lane: an estimate for
// choosing, by which gemm() itself chooses the operand whose columns are the lanes.
template <class T>
std::int64_t gemm_time(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<T> a, Matrix<T> b);
// The same of transposing an element of an operand, which may be read more than once, and of a result.
inline constexpr std::int64_t operand_move = 5, result_move = 14;

}  // namespace ravel::kernels
