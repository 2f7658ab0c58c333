#include "ravel/ops/conv.hpp"

#include <algorithm>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/kernels/conv.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

using kernels::ConvShape;
using Sizes = std::array<std::int64_t, 2>;

// A convolution of x with w to y, in the shapes that the user sees: 1-d or 2-d, with a batch or without. The kernels
// see the same memory through `sizes`, always 2-d and with a batch.
struct Problem {
  int dims;  // spatial dimensions, 1 or 2
  Shape x, w, y;
  ConvShape sizes;
};

// (height, width) at the end of a shape; the height of a 1-d problem is 1.
Sizes spatial_sizes(const Shape& shape, int dims) { return {dims == 1 ? 1 : shape[shape.rank() - 2], shape.back()}; }

// `image` (N, C, ...) or (C, ...) with other channels and spatial sizes.
Shape image_shape(const Shape& image, int dims, std::int64_t channels, const Sizes& spatial) {
  Shape shape = image;
  shape[image.rank() - dims - 1] = channels;
  for (int dim = 0; dim < dims; ++dim)
    shape[image.rank() - dims + dim] = spatial[static_cast<std::size_t>(2 - dims + dim)];
  return shape;
}

void check_ranks(const char* op, int dims, const Shape& image, const Shape& weight) {
  require(image.rank() == dims + 1 || image.rank() == dims + 2, "{}: the input has shape {}, needed is {}", op, image,
          dims == 1 ? "(N, C, L) or (C, L)" : "(N, C, H, W) or (C, H, W)");
  require(weight.rank() == dims + 2,
          "{}: the weight has shape {}, needed is two sizes for channels and {} for the kernel", op, weight, dims);
}

void check_options(const char* op, const Conv2dOptions& options) {
  for (std::size_t i = 0; i < 2; ++i) {
    check_window_option(op, "stride of", options.stride.values[i], 1);
    check_window_option(op, "padding of", options.padding.values[i], 0);
    check_window_option(op, "dilation of", options.dilation.values[i], 1);
  }
  require(options.groups >= 1, "{}: {} groups; use 1 or more", op, options.groups);
  require(options.groups <= largest_window_option, "{}: {} groups; use {} or less", op, options.groups,
          largest_window_option);
}

void check_sizes(const char* op, const Sizes& in, const Sizes& kernel) {
  for (std::size_t i = 0; i < 2; ++i) {
    require(in[i] <= largest_window_option, "{}: an input of size {}; at most {} is supported", op, in[i],
            largest_window_option);
    check_window_option(op, "kernel of size", kernel[i], 1);
  }
}

std::int64_t padded_size(const ConvShape& sizes, std::size_t i) { return sizes.in[i] + 2 * sizes.padding[i]; }

// The size of y along one dimension.
std::int64_t output_size(const char* op, const ConvShape& sizes, std::size_t i) {
  const std::int64_t span = sizes.dilation[i] * (sizes.kernel[i] - 1) + 1, room = padded_size(sizes, i);
  require(span <= room,
          "{}: a kernel of size {} with dilation {} spans {} elements, the padded input has only {}; use a smaller "
          "kernel or more padding",
          op, sizes.kernel[i], sizes.dilation[i], span, room);
  return (room - span) / sizes.stride[i] + 1;
}

// Kernels count the elements of padded images in 64 bits.
void check_padded_size(const char* op, const ConvShape& sizes) {
  constexpr double most = 1LL << 48;
  const std::int64_t rows = padded_size(sizes, 0), columns = padded_size(sizes, 1);
  const std::int64_t channels = std::max({std::int64_t{1}, sizes.in_channels, sizes.out_channels});
  require(static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(channels) <= most,
          "{}: the padded input has {} x {} elements in each channel, too many for any memory; use less padding", op,
          rows, columns);
}

// The convolution of an `x` with a `w`, checked; `op` is for errors.
Problem make_problem(const char* op, int dims, const Shape& x, const Shape& w, const Conv2dOptions& options) {
  check_ranks(op, dims, x, w);
  check_options(op, options);
  const std::int64_t channels = x[x.rank() - dims - 1], batch = x.rank() == dims + 2 ? x[0] : 1;
  require(w[0] % options.groups == 0, "{}: {} groups do not divide the first size, {}, of the weight {}", op,
          options.groups, w[0], w);
  require(channels == w[1] * options.groups,
          "{}: the input {} has {} channels, but the weight {} with groups {} takes {}", op, x, channels, w,
          options.groups, w[1] * options.groups);
  ConvShape sizes = {.batch = batch,
                     .groups = options.groups,
                     .in_channels = w[1],
                     .out_channels = w[0] / options.groups,
                     .in = spatial_sizes(x, dims),
                     .kernel = spatial_sizes(w, dims),
                     .stride = options.stride.values,
                     .padding = options.padding.values,
                     .dilation = options.dilation.values};
  check_sizes(op, sizes.in, sizes.kernel);
  for (std::size_t i = 0; i < 2; ++i) {
    sizes.out[i] = output_size(op, sizes, i);
    // There is one output where the stride is longer than that; the kernels go through all residues of a stride.
    sizes.stride[i] = std::min(sizes.stride[i], padded_size(sizes, i));
  }
  check_padded_size(op, sizes);
  return {dims, x, w, image_shape(x, dims, w[0], sizes.out), sizes};
}

Conv2dOptions as_2d(const Conv1dOptions& options) {
  return {{1, options.stride}, {0, options.padding}, {1, options.dilation}, options.groups};
}

void check_bias(const char* op, const Tensor& bias, std::int64_t channels) {
  require(!bias.defined() || bias.shape() == Shape(channels), "{}: the bias has shape {}, needed is {}", op,
          bias.defined() ? bias.shape() : Shape(), Shape(channels));
}

void check_dtypes(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  kernels::common_dtype(op, x, weight, bias.defined() ? bias : x);
  require(is_floating(x.dtype()), "{}: needs f32 or f64, got {}; use cast(x, f32)", op, x.dtype());
}

// The bias's gradient: g summed over all but the channels.
Tensor sum_per_channel(const Tensor& g, int dims) {
  Dims others;
  for (int dim = 0; dim < g.rank(); ++dim) {
    if (dim != g.rank() - dims - 1) others.push_back(dim);
  }
  return sum(g, others);
}

Tensor input_gradient(const Tensor& dy, const Tensor& w, const Problem& problem);
Tensor weight_gradient(const Tensor& x, const Tensor& dy, const Problem& problem);

Tensor output(const Tensor& image, const Tensor& weight, const Tensor& offsets, const Problem& problem,
              bool with_relu = false) {
  const Tensor x = packed(image), w = packed(weight), bias = offsets.defined() ? packed(offsets) : offsets;
  Tensor value = visit_floating(x.dtype(), "conv", [&]<class T>() {
    Ref<Array> result = Array::packed(x.dtype(), problem.y);
    kernels::conv_output<T>(problem.sizes, x.data<T>(), w.data<T>(),
                            {bias.defined() ? bias.data<T>() : nullptr, with_relu}, result->data<T>());
    return Tensor(std::move(result));
  });
  const Tensor y = record(problem.dims == 1 ? "conv1d" : "conv2d", std::move(value),
                          Edge{x, [w, problem](const Tensor& g) { return input_gradient(g, w, problem); }},
                          Edge{w, [x, problem](const Tensor& g) { return weight_gradient(x, g, problem); }},
                          Edge{bias, [dims = problem.dims](const Tensor& g) { return sum_per_channel(g, dims); }});
  return with_relu ? record_relu(y) : y;
}

Tensor input_gradient(const Tensor& gradient, const Tensor& weight, const Problem& problem) {
  const Tensor dy = packed(gradient), w = packed(weight);
  const Tensor dx = visit_floating(dy.dtype(), "conv", [&]<class T>() {
    Ref<Array> result = Array::packed(dy.dtype(), problem.x);
    kernels::conv_input_gradient<T>(problem.sizes, dy.data<T>(), w.data<T>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record("conv_input_gradient", dx,
                Edge{dy, [w, problem](const Tensor& g) { return output(g, w, {}, problem); }},
                Edge{w, [dy, problem](const Tensor& g) { return weight_gradient(g, dy, problem); }});
}

Tensor weight_gradient(const Tensor& image, const Tensor& gradient, const Problem& problem) {
  const Tensor x = packed(image), dy = packed(gradient);
  const Tensor dw = visit_floating(x.dtype(), "conv", [&]<class T>() {
    Ref<Array> result = Array::packed(x.dtype(), problem.w);
    kernels::conv_weight_gradient<T>(problem.sizes, x.data<T>(), dy.data<T>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record("conv_weight_gradient", dw,
                Edge{x, [dy, problem](const Tensor& g) { return input_gradient(dy, g, problem); }},
                Edge{dy, [x, problem](const Tensor& g) { return output(x, g, {}, problem); }});
}

Tensor conv(const char* op, int dims, const Tensor& x, const Tensor& weight, const Tensor& bias,
            const Conv2dOptions& options, bool with_relu = false) {
  const Problem problem = make_problem(op, dims, x.shape(), weight.shape(), options);
  check_bias(op, bias, weight.size(0));
  check_dtypes(op, x, weight, bias);
  // Anomaly mode looks at the values that relu gets.
  if (with_relu && modes.anomaly) return relu(output(x, weight, bias, problem));
  return output(x, weight, bias, problem, with_relu);
}

// The convolution whose input gradient is the transposed convolution of an `x` (its dy) with a `w`, checked.
Problem make_transposed_problem(const char* op, int dims, const Shape& x, const Shape& w,
                                const ConvTranspose2dOptions& options) {
  const Conv2dOptions direct = {options.stride, options.padding, options.dilation, options.groups};
  check_ranks(op, dims, x, w);
  check_options(op, direct);
  const std::int64_t channels = x[x.rank() - dims - 1];
  require(channels == w[0], "{}: the input {} has {} channels, but the weight {} takes {}", op, x, channels, w, w[0]);
  const Sizes in = spatial_sizes(x, dims), kernel = spatial_sizes(w, dims);
  check_sizes(op, in, kernel);
  Sizes out{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t stride = options.stride.values[i], dilation = options.dilation.values[i];
    const std::int64_t extra = options.output_padding.values[i];
    require(extra >= 0 && (extra == 0 || extra < std::max(stride, dilation)),
            "{}: an output padding of {} with stride {} and dilation {}; it must be smaller than one of them", op,
            extra, stride, dilation);
    out[i] = (in[i] - 1) * stride - 2 * options.padding.values[i] + dilation * (kernel[i] - 1) + extra + 1;
    require(in[i] >= 1 && out[i] >= 1, "{}: the input {} gives an output of size {}; use less padding", op, x, out[i]);
    require(out[i] <= largest_window_option, "{}: the input {} gives an output of size {}; at most {} is supported", op,
            x, out[i], largest_window_option);
  }
  Problem problem = make_problem(op, dims, image_shape(x, dims, w[1] * options.groups, out), w, direct);
  problem.y = x;
  problem.sizes.out = in;  // with output padding, and a dilation above the stride, less than would fit
  return problem;
}

Tensor conv_transpose(const char* op, int dims, const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const ConvTranspose2dOptions& options) {
  const Problem problem = make_transposed_problem(op, dims, x.shape(), weight.shape(), options);
  const std::int64_t channels = weight.size(1) * options.groups;
  check_bias(op, bias, channels);
  check_dtypes(op, x, weight, bias);
  const Tensor y = input_gradient(x, weight, problem);
  if (!bias.defined()) return y;
  return y + reshape(bias, dims == 1 ? Shape{channels, 1} : Shape{channels, 1, 1});
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options) {
  return conv("conv1d", 1, x, weight, bias, as_2d(options));
}

Tensor conv1d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options) {
  return conv("conv1d", 1, x, weight, bias, as_2d(options), true);
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  return conv("conv2d", 2, x, weight, bias, options);
}

Tensor conv2d_relu(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  return conv("conv2d", 2, x, weight, bias, options, true);
}

Tensor conv2d_input_gradient(const Tensor& dy, const Tensor& weight, const Shape& x_shape,
                             const Conv2dOptions& options) {
  const char* const op = "conv2d_input_gradient";
  const Problem problem = make_problem(op, 2, x_shape, weight.shape(), options);
  require(dy.shape() == problem.y, "{}: dy has shape {}, the convolution's output has {}", op, dy.shape(), problem.y);
  check_dtypes(op, dy, weight, {});
  return input_gradient(dy, weight, problem);
}

Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                              const Conv2dOptions& options) {
  const char* const op = "conv2d_weight_gradient";
  const Problem problem = make_problem(op, 2, x.shape(), weight_shape, options);
  require(dy.shape() == problem.y, "{}: dy has shape {}, the convolution's output has {}", op, dy.shape(), problem.y);
  check_dtypes(op, x, dy, {});
  return weight_gradient(x, dy, problem);
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose1dOptions& options) {
  return conv_transpose(
      "conv_transpose1d", 1, x, weight, bias,
      {{1, options.stride}, {0, options.padding}, {0, options.output_padding}, options.groups, {1, options.dilation}});
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& options) {
  return conv_transpose("conv_transpose2d", 2, x, weight, bias, options);
}

}  // namespace ravel
