// Maxima and averages of windows that slide over planes.
#pragma once

#include <array>
#include <cstdint>

namespace ravel::kernels {

// The sizes of a max pooling, as of a convolution; a 1-d one has height 1. x is `planes` packed planes of in[0] * in[1]
// elements, y as many of out[0] * out[1]. Window (i, j) has the taps (p, q) at x[i * stride[0] + p * dilation[0] -
// padding[0], ...] that lie inside of x, at least one; tap (p, q) has the number p * kernel[1] + q.
struct PoolShape {
  std::int64_t planes = 0;
  std::array<std::int64_t, 2> in{}, kernel{}, out{}, stride{}, padding{}, dilation{};
};

// The maximum of each window, and in `taps` which tap it is: the first of equal ones; a NaN counts as largest.
// T is float or double; Tap, an integer, must hold kernel[0] * kernel[1] - 1.
template <class T, class Tap>
void max_pool(const PoolShape& shape, const T* x, T* y, Tap* taps);
// y of each window becomes the element of x at its tap.
template <class T, class Tap>
void max_pool_gather(const PoolShape& shape, const T* x, const Tap* taps, T* y);
// The adjoint: each element of dy is added to that of dx, which starts as zeros, at its window's tap.
template <class T, class Tap>
void max_pool_scatter(const PoolShape& shape, const T* dy, const Tap* taps, T* dx);
// The position of each window's tap within its plane: row * in[1] + column.
template <class Tap>
void max_pool_indices(const PoolShape& shape, const Tap* taps, std::int64_t* indices);

// The windows of an average along one dimension.
struct AverageAxis {
  struct Window {
    std::int64_t begin, end;  // the elements inside of x
    std::int64_t divisor;     // what their sum is divided by
  };
  // Window i of `out`.
  Window window(std::int64_t i) const;

  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1,
               padding = 0;   // kernel 0: `out` windows of nearly equal sizes that cover everything
  bool count_padding = true;  // does padding count as zeros, or not at all?
};

// The average of each window of rows x columns; x and y are packed planes.
template <class T>
void average_pool(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* x, T* y);
// The adjoint: each element of dx is the sum, over the windows that it lies in, of dy divided by the window's divisor.
template <class T>
void average_pool_gradient(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* dy,
                           T* dx);

}  // namespace ravel::kernels
