#include "ravel/ops/kernels/conv.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "ravel/ops/kernels/conv_1x1.hpp"
#include "ravel/ops/kernels/conv_depthwise.hpp"
#include "ravel/ops/kernels/conv_direct.hpp"
#include "ravel/ops/kernels/conv_planes.hpp"
#include "ravel/ops/kernels/conv_weight_gradient.hpp"
#include "ravel/ops/kernels/winograd.hpp"

namespace ravel::kernels {

// In each pass the first kernel that takes the shape does it; docs/kernels.md says what another one would have to keep.
template <class T>
void conv_output(const ConvShape& shape, const T* x, const T* w, const ConvEpilogue<T>& epilogue, T* y) {
  if constexpr (std::is_same_v<T, float>) {
    if (const int m = winograd_output_tile(shape); m > 0) return winograd_output(m, shape, x, w, epilogue, y);
  }
  if (is_depthwise(shape)) return depthwise_output(shape, x, w, epilogue, y);
  if (is_1x1(shape)) {
    const Matrix<T> weights{w, shape.in_channels, 1};
    return multiply_images<T>(shape, shape.out_channels, shape.in_channels, weights, x, epilogue, y);
  }
  const std::int64_t depth = shape.in_channels * shape.kernel[0] * shape.kernel[1];
  sum_over_taps<T>({.grids = {{Planes(output_axis(shape, 0), output_axis(shape, 1), shape.in_channels, sizeof(T))}},
                    .batch = shape.batch,
                    .groups = shape.groups,
                    .channels = shape.out_channels,
                    .source = x,
                    .weights = w,
                    .weight_group = shape.out_channels * depth,
                    .weight_row = depth,
                    .epilogue = epilogue,
                    .target = y,
                    .target_rows = shape.out[0],
                    .target_columns = shape.out[1]});
}

// Within a residue of the stride, dx is a sum over dy whose channels are those of the output; the weights of one
// channel of dx lie kernel[0] * kernel[1] after those of the one before.
template <class T>
void conv_input_gradient(const ConvShape& shape, const T* dy, const T* w, T* dx) {
  if constexpr (std::is_same_v<T, float>) {
    if (const int m = winograd_input_gradient_tile(shape); m > 0) return winograd_input_gradient(m, shape, dy, w, dx);
  }
  if (is_depthwise(shape)) return depthwise_input_gradient(shape, dy, w, dx);
  if (is_1x1(shape)) {
    const Matrix<T> weights{w, 1, shape.in_channels};
    return multiply_images<T>(shape, shape.in_channels, shape.out_channels, weights, dy, {}, dx);
  }
  const std::int64_t filter = shape.kernel[0] * shape.kernel[1], out_stride = shape.in_channels * filter;
  std::vector<PixelGrid> grids;
  for (const Axis& rows : input_gradient_axes(shape, 0)) {
    for (const Axis& columns : input_gradient_axes(shape, 1)) {
      PixelGrid grid{Planes(rows, columns, shape.out_channels, sizeof(T))};
      for (std::int64_t o = 0; o < shape.out_channels; ++o) {
        for (const Axis::Tap& p : rows.taps) {
          for (const Axis::Tap& q : columns.taps) {
            grid.weight_tap.push_back(o * out_stride + p.kernel * shape.kernel[1] + q.kernel);
          }
        }
      }
      grids.push_back(std::move(grid));
    }
  }
  sum_over_taps<T>({.grids = std::move(grids),
                    .batch = shape.batch,
                    .groups = shape.groups,
                    .channels = shape.in_channels,
                    .source = dy,
                    .weights = w,
                    .weight_group = shape.out_channels * out_stride,
                    .weight_row = filter,
                    .epilogue = {},
                    .target = dx,
                    .target_rows = shape.in[0],
                    .target_columns = shape.in[1]});
}

// With few output channels most lanes of a tile would be idle. Winograd, dots or chains is part of the result: bits.
// Rows and tiles have the same chains, so that the choice between these two may follow the instruction set.
template <class T>
void conv_weight_gradient(const ConvShape& shape, const T* x, const T* dy, T* dw) {
  if constexpr (std::is_same_v<T, float>) {
    if (const int m = winograd_weight_gradient_tile(shape); m > 0) return winograd_weight_gradient(m, shape, x, dy, dw);
  }
  if (shape.weights() == 0) return;
  if (shape.batch * shape.out[0] * shape.out[1] == 0) {
    std::fill_n(dw, shape.weights(), T(0));
  } else if (shape.out_channels <= 6) {
    weight_gradient_by_dots(shape, x, dy, dw);
  } else if (is_row_gradient<T>(shape)) {
    weight_gradient_of_row(shape, x, dy, dw);
  } else {
    weight_gradient_by_tiles(shape, x, dy, dw);
  }
}

template void conv_output(const ConvShape&, const float*, const float*, const ConvEpilogue<float>&, float*);
template void conv_output(const ConvShape&, const double*, const double*, const ConvEpilogue<double>&, double*);
template void conv_input_gradient(const ConvShape&, const float*, const float*, float*);
template void conv_input_gradient(const ConvShape&, const double*, const double*, double*);
template void conv_weight_gradient(const ConvShape&, const float*, const float*, float*);
template void conv_weight_gradient(const ConvShape&, const double*, const double*, double*);

}  // namespace ravel::kernels
