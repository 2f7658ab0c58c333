// Pooling: maxima and averages of windows that slide over an image, of f32 or f64. Images are (N, C, L) or (C, L) in
// one dimension, (N, C, H, W) or (C, H, W) in two. A window size of k gives (L + 2 padding - dilation (k - 1) - 1) /
// stride + 1 windows, rounded down, or up with ceil_mode (but each window starts inside of the image or of the padding
// before it). Padding is at most half of the window.
#pragma once

#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/window.hpp"

namespace ravel {

struct MaxPool1dOptions {
  std::int64_t stride = 0;  // 0 stands for the kernel's size
  std::int64_t padding = 0, dilation = 1;
  bool ceil_mode = false;
};
struct MaxPool2dOptions {
  Pair stride = 0;  // 0 stands for the kernel's size
  Pair padding = 0, dilation = 1;
  bool ceil_mode = false;
};

// The largest element of each window; padding never wins, NaN always does. Of equal ones the first gets the gradient.
Tensor max_pool1d(const Tensor& x, std::int64_t kernel, const MaxPool1dOptions& options = {});
Tensor max_pool2d(const Tensor& x, Pair kernel, const MaxPool2dOptions& options = {});

struct MaxPoolResult {
  Tensor values;
  Tensor indices;  // i64: where in its plane each value was found, row * width + column
};
// max_pool2d, and where the maxima are.
MaxPoolResult max_pool2d_with_indices(const Tensor& x, Pair kernel, const MaxPool2dOptions& options = {});

struct AvgPool1dOptions {
  std::int64_t stride = 0;  // 0 stands for the kernel's size
  std::int64_t padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;  // padding counts as zeros; otherwise it does not count
};
struct AvgPool2dOptions {
  Pair stride = 0;  // 0 stands for the kernel's size
  Pair padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
};

// The mean of each window.
Tensor avg_pool1d(const Tensor& x, std::int64_t kernel, const AvgPool1dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Pair kernel, const AvgPool2dOptions& options = {});

// The means of `output_size` windows per dimension that cover the whole image: window i of n goes from i L / n, rounded
// down, to (i + 1) L / n, rounded up.
Tensor adaptive_avg_pool1d(const Tensor& x, std::int64_t output_size);
Tensor adaptive_avg_pool2d(const Tensor& x, Pair output_size);

}  // namespace ravel
