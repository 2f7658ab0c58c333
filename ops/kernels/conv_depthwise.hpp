// Depthwise convolution: each group has one channel in and one out, so that a channel is filtered by itself. Its padded
// planes fit the nearest cache, and threads share out channels.
#pragma once

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// Is this a depthwise convolution with channels for all threads? The sums below have the bits of sum_over_taps().
bool is_depthwise(const ConvShape& shape);

// As conv_output and conv_input_gradient.
template <class T>
void depthwise_output(const ConvShape& shape, const T* x, const T* w, const ConvEpilogue<T>& epilogue, T* y);
template <class T>
void depthwise_input_gradient(const ConvShape& shape, const T* dy, const T* w, T* dx);

}  // namespace ravel::kernels
