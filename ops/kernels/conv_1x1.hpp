// Convolutions with filters of one element that visit every pixel: products of matrices.
#pragma once

#include "ravel/ops/kernels/conv.hpp"
#include "ravel/ops/kernels/gemm.hpp"

namespace ravel::kernels {

// Is this a 1x1 convolution without stride, padding and groups, whose output is as large as its input?
bool is_1x1(const ConvShape& shape);

// Both passes of such a convolution: target (batch, channels, pixels) becomes `weights` (channels, depth) times source
// (batch, depth, pixels), and what the epilogue says. For the output `weights` is w, and x the source; for the input
// gradient they are w transposed and dy.
template <class T>
void multiply_images(const ConvShape& shape, std::int64_t channels, std::int64_t depth, const Matrix<T>& weights,
                     const T* source, const ConvEpilogue<T>& epilogue, T* target);

}  // namespace ravel::kernels
