// Convolution: its output, its input gradient and its weight gradient.
//
// A pass may be done in several ways, and conv.cpp chooses among them: by Winograd's algorithm (winograd.hpp), channel
// by channel (conv_depthwise.hpp), as products of matrices (conv_1x1.hpp), or as direct sums over the taps of padded
// planes (conv_direct.hpp for y and dx, conv_weight_gradient.hpp for dw). Where they round differently, which one it is
// follows from the shape, the type and the precision mode alone, see autograd/modes.hpp.
#pragma once

#include <array>
#include <cstdint>

namespace ravel::kernels {

// The sizes of a 2-d convolution (cross-correlation, as everywhere in this field); a 1-d one has height 1.
//   x  (batch, groups * in_channels, in[0], in[1])
//   w  (groups * out_channels, in_channels, kernel[0], kernel[1])
//   y  (batch, groups * out_channels, out[0], out[1])
//   y[n, o, i, j] = sum over c, p, q of w[o, c, p, q] * x[n, c, i * stride[0] + p * dilation[0] - padding[0], ...]
// Outside of x there are zeros. All arrays are packed. `out` may be smaller than what the formula allows, never larger.
struct ConvShape {
  std::int64_t batch = 0, groups = 1, in_channels = 0, out_channels = 0;  // channels are those of one group
  std::array<std::int64_t, 2> in{}, kernel{}, out{}, stride{1, 1}, padding{0, 0}, dilation{1, 1};

  std::int64_t weights() const { return groups * out_channels * in_channels * kernel[0] * kernel[1]; }
};

// What is done to y besides the convolution: each channel gets its `bias` (groups * out_channels), null for none, and
// with `relu` what is below 0 then becomes 0.
template <class T>
struct ConvEpilogue {
  const T* bias = nullptr;
  bool relu = false;
};

// y from x and w. T is float or double.
template <class T>
void conv_output(const ConvShape& shape, const T* x, const T* w, const ConvEpilogue<T>& epilogue, T* y);

// The gradient of a loss with respect to x, from that with respect to y: the transposed convolution of dy with w.
template <class T>
void conv_input_gradient(const ConvShape& shape, const T* dy, const T* w, T* dx);

// The gradient of a loss with respect to w, from that with respect to y.
// Images are summed in chunks whose size follows from the shape alone, and the chunks in order.
template <class T>
void conv_weight_gradient(const ConvShape& shape, const T* x, const T* dy, T* dw);

}  // namespace ravel::kernels
