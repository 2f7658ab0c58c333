// Moving matrices: transposes, and panels in which the contraction kernels read one operand.
#pragma once

#include <cstdint>

namespace ravel::kernels {

// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns.
template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
               std::int64_t to_row);

// Writes `width` interleaved rows of `depth` elements, the first `count` of which come from a matrix and the others are
// zeros: panel[k * width + i] = from[i * row_stride + k * depth_stride].
template <class T>
void pack_panel(std::int64_t width, std::int64_t count, std::int64_t depth, const T* from, std::int64_t row_stride,
                std::int64_t depth_stride, T* panel);

}  // namespace ravel::kernels
