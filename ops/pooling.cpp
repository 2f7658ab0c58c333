#include "ravel/ops/pooling.hpp"

#include <algorithm>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/pooling.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

using kernels::AverageAxis;
using kernels::PoolShape;

// The dimensions of an image with one spatial size per dimension: (height, width), the height of a 1-d one being 1.
std::array<std::int64_t, 2> spatial_sizes(const char* op, int dims, const Shape& x) {
  require(x.rank() == dims + 1 || x.rank() == dims + 2, "{}: the input has shape {}, needed is {}", op, x,
          dims == 1 ? "(N, C, L) or (C, L)" : "(N, C, H, W) or (C, H, W)");
  return {dims == 1 ? 1 : x[x.rank() - 2], x.back()};
}

// `x` with other spatial sizes.
Shape with_spatial_sizes(Shape x, int dims, const std::array<std::int64_t, 2>& sizes) {
  for (int dim = 0; dim < dims; ++dim) x[x.rank() - dims + dim] = sizes[static_cast<std::size_t>(2 - dims + dim)];
  return x;
}

// How many planes an image with the given spatial sizes has.
std::int64_t count_planes(const Shape& x, int dims) { return Shape(std::span(x.begin(), x.end() - dims)).numel(); }

struct AxisOptions {
  std::int64_t kernel, stride, padding, dilation;
  bool ceil_mode;

  std::int64_t span() const { return dilation * (kernel - 1) + 1; }
};

// The number of windows along one dimension of size `in`, checked.
std::int64_t count_windows(const char* op, std::int64_t in, const AxisOptions& o) {
  check_window_option(op, "kernel of size", o.kernel, 1);
  check_window_option(op, "stride of", o.stride, 1);
  check_window_option(op, "dilation of", o.dilation, 1);
  const std::int64_t span = o.span();
  require(o.padding >= 0 && o.padding <= span / 2,
          "{}: padding should be at most half of the kernel: it is {}, the kernel spans {}", op, o.padding, span);
  const std::int64_t room = in + 2 * o.padding - span, up = o.ceil_mode ? o.stride - 1 : 0;
  require(in >= 1 && room + up >= 0,
          "{}: a kernel that spans {} elements is too large for an input of {} with padding {}", op, span, in,
          o.padding);
  const std::int64_t count = (room + up) / o.stride + 1;
  return o.ceil_mode && (count - 1) * o.stride >= in + o.padding ? count - 1 : count;
}

// Cuts what a single window has beyond the padding, as it may with ceil_mode, and a stride that is not taken: the
// kernels have space for all of both.
AxisOptions cut_to_input(AxisOptions o, std::int64_t in, std::int64_t windows) {
  if (windows > 1) return o;
  o.kernel = std::min(o.kernel, kernels::blocks_of(in + 2 * o.padding, o.dilation));
  o.stride = std::min(o.stride, o.span());
  return o;
}

// A window in the gap between the elements of a dilated kernel would have no maximum.
void check_no_window_is_empty(const char* op, const PoolShape& s, std::size_t d) {
  for (std::int64_t i = 0; i < s.out[d]; ++i) {
    std::int64_t at = i * s.stride[d] - s.padding[d];
    if (at < 0) at += kernels::blocks_of(-at, s.dilation[d]) * s.dilation[d];
    require(at < s.in[d], "{}: no element of an input of {} lies under window {}; use a smaller padding or dilation",
            op, s.in[d], i);
  }
}

// A max pooling in the shapes that the user sees; the kernels see the same memory through `sizes`.
struct MaxProblem {
  Shape x, y;
  PoolShape sizes;
};

MaxProblem make_max_problem(const char* op, int dims, const Shape& x, Pair kernel, const MaxPool2dOptions& options) {
  PoolShape sizes = {.in = spatial_sizes(op, dims, x),
                     .kernel = kernel.values,
                     .stride = options.stride.values,
                     .padding = options.padding.values,
                     .dilation = options.dilation.values};
  for (std::size_t d = 0; d < 2; ++d) {
    if (sizes.stride[d] == 0) sizes.stride[d] = sizes.kernel[d];
    const AxisOptions axis = {sizes.kernel[d], sizes.stride[d], sizes.padding[d], sizes.dilation[d], options.ceil_mode};
    sizes.out[d] = count_windows(op, sizes.in[d], axis);
    const AxisOptions cut = cut_to_input(axis, sizes.in[d], sizes.out[d]);
    sizes.kernel[d] = cut.kernel;
    sizes.stride[d] = cut.stride;
    check_no_window_is_empty(op, sizes, d);
  }
  require(sizes.kernel[0] <= largest_window_option / sizes.kernel[1],
          "{}: a kernel of {} x {} elements; at most {} are supported", op, sizes.kernel[0], sizes.kernel[1],
          largest_window_option);
  sizes.planes = count_planes(x, dims);
  return {x, with_spatial_sizes(x, dims, sizes.out), sizes};
}

// Calls f.operator()<T, Tap>() for an element type and the type that taps are kept in.
template <class F>
Tensor visit_taps(const char* op, Dtype dtype, Dtype tap_dtype, const F& f) {
  return visit_floating(dtype, op, [&]<class T>() {
    return tap_dtype == u8 ? f.template operator()<T, std::uint8_t>() : f.template operator()<T, std::int64_t>();
  });
}

Tensor gather(const Tensor& x, const Tensor& taps, const MaxProblem& problem);

// The gradient of max_pool: dy, each element at the tap where its window's maximum was found.
Tensor scatter(const Tensor& gradient, const Tensor& taps, const MaxProblem& problem) {
  const Tensor dy = packed(gradient);
  const Tensor dx = visit_taps("max_pool_scatter", dy.dtype(), taps.dtype(), [&]<class T, class Tap>() {
    Ref<Array> result = Array::packed(dy.dtype(), problem.x);
    kernels::max_pool_scatter<T, Tap>(problem.sizes, dy.data<T>(), taps.data<Tap>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record("max_pool_scatter", dx,
                Edge{dy, [taps, problem](const Tensor& g) { return gather(g, taps, problem); }});
}

Tensor gather(const Tensor& image, const Tensor& taps, const MaxProblem& problem) {
  const Tensor x = packed(image);
  const Tensor y = visit_taps("max_pool_gather", x.dtype(), taps.dtype(), [&]<class T, class Tap>() {
    Ref<Array> result = Array::packed(x.dtype(), problem.y);
    kernels::max_pool_gather<T, Tap>(problem.sizes, x.data<T>(), taps.data<Tap>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record("max_pool_gather", y, Edge{x, [taps, problem](const Tensor& g) { return scatter(g, taps, problem); }});
}

// The maxima and their taps, which are small: the backward pass needs neither x nor y.
struct Maxima {
  Tensor values, taps;
};

Maxima max_pool(const char* op, const Tensor& image, const MaxProblem& problem) {
  const Tensor x = packed(image);
  const Dtype tap_dtype = problem.sizes.kernel[0] * problem.sizes.kernel[1] <= 256 ? u8 : i64;
  const Ref<Array> numbers = Array::packed(tap_dtype, problem.y);
  const Tensor y = visit_taps(op, x.dtype(), tap_dtype, [&]<class T, class Tap>() {
    Ref<Array> result = Array::packed(x.dtype(), problem.y);
    kernels::max_pool<T, Tap>(problem.sizes, x.data<T>(), result->data<T>(), numbers->data<Tap>());
    return Tensor(std::move(result));
  });
  const Tensor taps(numbers);
  return {record(op, y, Edge{x, [taps, problem](const Tensor& g) { return scatter(g, taps, problem); }}), taps};
}

// An average pooling in the shapes that the user sees; the kernels see planes with two axes.
struct AverageProblem {
  Shape x, y;
  std::int64_t planes;
  AverageAxis rows, columns;
};

AverageProblem make_average_problem(const Shape& x, int dims, const std::array<AverageAxis, 2>& axes) {
  return {x, with_spatial_sizes(x, dims, {axes[0].out, axes[1].out}), count_planes(x, dims), axes[0], axes[1]};
}

AverageProblem make_average_problem(const char* op, int dims, const Shape& x, Pair kernel,
                                    const AvgPool2dOptions& options) {
  const std::array<std::int64_t, 2> in = spatial_sizes(op, dims, x);
  std::array<AverageAxis, 2> axes;
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t size = kernel.values[d],
                       stride = options.stride.values[d] == 0 ? size : options.stride.values[d];
    const AxisOptions axis = {size, stride, options.padding.values[d], 1, options.ceil_mode};
    const std::int64_t out = count_windows(op, in[d], axis);
    const AxisOptions cut = cut_to_input(axis, in[d], out);
    axes[d] = {in[d], out, cut.kernel, cut.stride, cut.padding, options.count_include_pad};
  }
  return make_average_problem(x, dims, axes);
}

AverageProblem make_adaptive_problem(const char* op, int dims, const Shape& x, Pair output_size) {
  const std::array<std::int64_t, 2> in = spatial_sizes(op, dims, x);
  std::array<AverageAxis, 2> axes;
  for (std::size_t d = 0; d < 2; ++d) {
    require(output_size.values[d] >= 1, "{}: an output size of {}; use 1 or more", op, output_size.values[d]);
    require(in[d] >= 1, "{}: the input {} has no elements to average", op, x);
    axes[d] = {.in = in[d], .out = output_size.values[d], .kernel = 0};
  }
  return make_average_problem(x, dims, axes);
}

Tensor average_gradient(const Tensor& gradient, const AverageProblem& problem);

Tensor average(const char* op, const Tensor& image, const AverageProblem& problem) {
  const Tensor x = packed(image);
  const Tensor y = visit_floating(x.dtype(), op, [&]<class T>() {
    Ref<Array> result = Array::packed(x.dtype(), problem.y);
    kernels::average_pool<T>(problem.planes, problem.rows, problem.columns, x.data<T>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record(op, y, Edge{x, [problem](const Tensor& g) { return average_gradient(g, problem); }});
}

// The adjoint of average().
Tensor average_gradient(const Tensor& gradient, const AverageProblem& problem) {
  const Tensor dy = packed(gradient);
  const Tensor dx = visit_floating(dy.dtype(), "avg_pool", [&]<class T>() {
    Ref<Array> result = Array::packed(dy.dtype(), problem.x);
    kernels::average_pool_gradient<T>(problem.planes, problem.rows, problem.columns, dy.data<T>(), result->data<T>());
    return Tensor(std::move(result));
  });
  return record("avg_pool_gradient", dx,
                Edge{dy, [problem](const Tensor& g) { return average("avg_pool", g, problem); }});
}

}  // namespace

Tensor max_pool1d(const Tensor& x, std::int64_t kernel, const MaxPool1dOptions& o) {
  const MaxPool2dOptions options = {{1, o.stride}, {0, o.padding}, {1, o.dilation}, o.ceil_mode};
  return max_pool("max_pool1d", x, make_max_problem("max_pool1d", 1, x.shape(), {1, kernel}, options)).values;
}

Tensor max_pool2d(const Tensor& x, Pair kernel, const MaxPool2dOptions& options) {
  return max_pool("max_pool2d", x, make_max_problem("max_pool2d", 2, x.shape(), kernel, options)).values;
}

MaxPoolResult max_pool2d_with_indices(const Tensor& x, Pair kernel, const MaxPool2dOptions& options) {
  const char* const op = "max_pool2d_with_indices";
  const MaxProblem problem = make_max_problem(op, 2, x.shape(), kernel, options);
  const Maxima maxima = max_pool(op, x, problem);
  Ref<Array> indices = Array::packed(i64, problem.y);
  visit_taps(op, f32, maxima.taps.dtype(), [&]<class, class Tap>() {
    kernels::max_pool_indices<Tap>(problem.sizes, maxima.taps.data<Tap>(), indices->data<std::int64_t>());
    return Tensor();
  });
  return {maxima.values, Tensor(std::move(indices))};
}

Tensor avg_pool1d(const Tensor& x, std::int64_t kernel, const AvgPool1dOptions& o) {
  const AvgPool2dOptions options = {{1, o.stride}, {0, o.padding}, o.ceil_mode, o.count_include_pad};
  return average("avg_pool1d", x, make_average_problem("avg_pool1d", 1, x.shape(), {1, kernel}, options));
}

Tensor avg_pool2d(const Tensor& x, Pair kernel, const AvgPool2dOptions& options) {
  return average("avg_pool2d", x, make_average_problem("avg_pool2d", 2, x.shape(), kernel, options));
}

Tensor adaptive_avg_pool1d(const Tensor& x, std::int64_t output_size) {
  return average("adaptive_avg_pool1d", x,
                 make_adaptive_problem("adaptive_avg_pool1d", 1, x.shape(), {1, output_size}));
}

Tensor adaptive_avg_pool2d(const Tensor& x, Pair output_size) {
  return average("adaptive_avg_pool2d", x, make_adaptive_problem("adaptive_avg_pool2d", 2, x.shape(), output_size));
}

}  // namespace ravel
