// Convolutions (cross-correlations, as everywhere in this field) of f32 or f64, and their gradients. Each of output,
// input gradient and weight gradient has the other two as its derivatives.
#pragma once

#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/window.hpp"

namespace ravel {

struct Conv1dOptions {
  std::int64_t stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;  // input and output channels fall into so many groups that do not see each other
};
struct Conv2dOptions {
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
};

// x (N, C, L) or (C, L) with weight (out, C / groups, kernel) and bias (out), which may be undefined: (N, out, L'),
// where L' = (L + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down. Outside of x there are zeros.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv1dOptions& options = {});
// relu(conv1d(x, weight, bias, options)) in one pass over memory: the same bits, graph and gradients.
Tensor conv1d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv1dOptions& options = {});
// x (N, C, H, W) or (C, H, W) with weight (out, C / groups, kernel height, kernel width) and bias (out): (N, out, H',
// W').
// In f32, convolutions with 3x3 filters, stride 1 and dilation 1 and their gradients are Winograd convolutions where
// the sizes make these faster, which is from about 16 channels on. Their rounding errors are 0.6 to 3.5 times those of
// sums of products (root mean square, see docs/kernels.md), and an Inf or a NaN reaches all outputs of the 4x4 tiles,
// or all taps of the filters, in which it takes part. The same holds for conv_transpose2d. HighestPrecision keeps to
// sums of products, in gradients too if it is alive in the backward pass. (In sums, too, an Inf or a NaN of x may reach
// taps of the weight gradient that do not use it where a group has at most six output channels.)
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});
// relu(conv2d(x, weight, bias, options)) in one pass over memory: the same bits, graph and gradients.
Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});

// The gradient of a loss with respect to the x of `x_shape` that went into conv2d, from dy, that with respect to y.
Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& weight, const Shape& x_shape,
                             const Conv2dOptions& options = {});
// The gradient of a loss with respect to the weight of `weight_shape` that went into conv2d, from dy.
Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                              const Conv2dOptions& options = {});

struct ConvTranspose1dOptions {
  std::int64_t stride = 1, padding = 0;
  std::int64_t output_padding = 0;  // of the sizes of y that lead to the size of x, takes the smallest plus this
  std::int64_t groups = 1, dilation = 1;
};
struct ConvTranspose2dOptions {
  Pair stride = 1, padding = 0, output_padding = 0;
  std::int64_t groups = 1;
  Pair dilation = 1;
};

// The transposed convolution, which has the sizes of a convolution backwards (Zeiler et al. 2010): x (N, C, L) or (C,
// L) with weight (C, out / groups, kernel) and bias (out): (N, out, L'), where L' = (L - 1) stride - 2 padding +
// dilation (kernel - 1) + output_padding + 1.
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose1dOptions& options = {});
// The same for x (N, C, H, W) or (C, H, W) with weight (C, out / groups, kernel height, kernel width).
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {});

}  // namespace ravel
