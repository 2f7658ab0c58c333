// Winograd convolutions: 3x3 filters with stride 1 and dilation 1 in f32. What they calculate is in winograd_lines.hpp.
#pragma once

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// The m of F(m x m, 3x3) for a pass over a convolution, or 0 where the direct sum is to be used.
int winograd_output_tile(const ConvShape& shape);
int winograd_input_gradient_tile(const ConvShape& shape);
int winograd_weight_gradient_tile(const ConvShape& shape);

// The passes of conv.hpp with tiles of m x m outputs, m = 2 or 4.
void winograd_output(int m, const ConvShape& shape, const float* x, const float* w, const ConvEpilogue<float>& epilogue,
                     float* y);
void winograd_input_gradient(int m, const ConvShape& shape, const float* dy, const float* w, float* dx);
void winograd_weight_gradient(int m, const ConvShape& shape, const float* x, const float* dy, float* dw);

}  // namespace ravel::kernels
