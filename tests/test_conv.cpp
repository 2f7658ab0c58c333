// Convolutions against PyTorch's values, and against a composition of window views and matrix products.
#include <memory>
#include <random>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

// Multiples of 1/4 between -(modulus / 2) / 4 and (modulus / 2) / 4: products and sums of them are exact.
Tensor pattern(const Shape& shape, std::int64_t factor = 7, std::int64_t modulus = 11) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    values.push_back(static_cast<double>(i * factor % modulus - modulus / 2) / 4);
  }
  return from_vector(values, shape);
}

using Positions = std::shared_ptr<const std::vector<std::int64_t>>;

Tensor put(const Tensor& x, const Positions& positions, const Shape& shape);

// The elements of x at `positions`, zeros at -1, in the given shape; its gradient is put().
Tensor pick(const Tensor& x, const Positions& positions, const Shape& shape) {
  const std::vector<double> from = x.to_vector<double>();
  std::vector<double> to;
  for (const std::int64_t position : *positions)
    to.push_back(position < 0 ? 0 : from[static_cast<std::size_t>(position)]);
  return record("pick", from_vector(to, shape),
                Edge{x, [positions, from = x.shape()](const Tensor& g) { return put(g, positions, from); }});
}

// Zeros of the given shape, with the elements of x added at `positions`: the adjoint of pick().
Tensor put(const Tensor& x, const Positions& positions, const Shape& shape) {
  const std::vector<double> from = x.to_vector<double>();
  std::vector<double> to(static_cast<std::size_t>(shape.numel()));
  for (std::size_t i = 0; i < from.size(); ++i) {
    if ((*positions)[i] >= 0) to[static_cast<std::size_t>((*positions)[i])] += from[i];
  }
  return record("put", from_vector(to, shape),
                Edge{x, [positions, from = x.shape()](const Tensor& g) { return pick(g, positions, from); }});
}

struct Sizes {
  std::int64_t batch, groups, in_channels, out_channels;  // channels of one group
  Pair in, kernel;
  Conv2dOptions options;

  std::int64_t out(std::size_t d) const {
    const std::int64_t span = options.dilation.values[d] * (kernel.values[d] - 1) + 1;
    return (in.values[d] + 2 * options.padding.values[d] - span) / options.stride.values[d] + 1;
  }
  Shape x_shape() const { return {batch, groups * in_channels, in.values[0], in.values[1]}; }
  Shape w_shape() const { return {groups * out_channels, in_channels, kernel.values[0], kernel.values[1]}; }
  Shape y_shape() const { return {batch, groups * out_channels, out(0), out(1)}; }
};

// Where element (tap p, output i) of dimension d lies in x, -1 in the padding.
std::int64_t position_in(const Sizes& s, std::size_t d, std::int64_t p, std::int64_t i) {
  const std::int64_t at =
      i * s.options.stride.values[d] + p * s.options.dilation.values[d] - s.options.padding.values[d];
  return at < s.in.values[d] ? at : -1;
}

// The windows of x as matrices (N, groups, channels * taps, outputs).
Tensor windows(const Tensor& x, const Sizes& s) {
  std::vector<std::int64_t> positions;
  for (std::int64_t plane = 0; plane < s.batch * s.groups * s.in_channels; ++plane) {
    for (std::int64_t tap = 0; tap < s.kernel.values[0] * s.kernel.values[1]; ++tap) {
      for (std::int64_t output = 0; output < s.out(0) * s.out(1); ++output) {
        const std::int64_t row = position_in(s, 0, tap / s.kernel.values[1], output / s.out(1));
        const std::int64_t column = position_in(s, 1, tap % s.kernel.values[1], output % s.out(1));
        positions.push_back(row < 0 || column < 0 ? -1 : (plane * s.in.values[0] + row) * s.in.values[1] + column);
      }
    }
  }
  return pick(x, std::make_shared<const std::vector<std::int64_t>>(std::move(positions)),
              {s.batch, s.groups, s.in_channels * s.kernel.values[0] * s.kernel.values[1], s.out(0) * s.out(1)});
}

// The judge: a convolution is a product of weights and windows.
Tensor composed_conv2d(const Tensor& x, const Tensor& w, const Tensor& b, const Sizes& s) {
  const Tensor matrices =
      reshape(w, {s.groups, s.out_channels, s.in_channels * s.kernel.values[0] * s.kernel.values[1]});
  return reshape(matmul(matrices, windows(x, s)), s.y_shape()) + reshape(b, {b.size(0), 1, 1});
}

// y, its first derivatives, and the gradients of a sum of these: everything that two ways to compute y can differ in.
std::vector<Tensor> derivatives(const Tensor& y, const std::vector<Tensor>& inputs, const Tensor& seed) {
  std::vector<Tensor> results = grad({y}, {seed}, inputs, {.create_graph = true});
  Tensor total = zeros({}, y.dtype());
  for (std::size_t i = 0; i < results.size(); ++i)
    total += sum(results[i] * cast(randn(results[i].shape(), f64, random_key(3, "second", i)), y.dtype()));
  for (const Tensor& g : grad({total}, {ones({}, y.dtype())}, {inputs[0], inputs[1], seed})) results.push_back(g);
  results.push_back(y);
  return results;
}

// Sizes of a problem that has at least one output, at random.
Sizes random_sizes(std::mt19937& random) {
  const auto from_to = [&](int low, int high) {
    return static_cast<std::int64_t>(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
  };
  for (;;) {
    const Conv2dOptions options = {
        {from_to(1, 3), from_to(1, 3)}, {from_to(0, 3), from_to(0, 3)}, {from_to(1, 3), from_to(1, 3)}, from_to(1, 3)};
    const Sizes s = {from_to(1, 3),
                     options.groups,
                     from_to(1, 3),
                     from_to(1, 4),
                     {from_to(1, 9), from_to(1, 12)},
                     {from_to(1, 4), from_to(1, 4)},
                     options};
    const auto fits = [&](std::size_t d) {
      return options.dilation.values[d] * (s.kernel.values[d] - 1) + 1 <=
             s.in.values[d] + 2 * options.padding.values[d];
    };
    if (fits(0) && fits(1)) return s;
  }
}

}  // namespace

TEST_CASE("conv2d: value and derivatives of two orders are those of a composition of windows and matmul", "[conv]") {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const Sizes s = random_sizes(random);
    INFO("x " << to_string(s.x_shape()) << ", weight " << to_string(s.w_shape()) << ", y " << to_string(s.y_shape()));
    const auto input = [&](const char* name, const Shape& shape) {
      return randn(shape, f64, random_key(2, name, static_cast<std::uint64_t>(i))).requires_grad_();
    };
    const Tensor x = input("x", s.x_shape()), w = input("w", s.w_shape()), b = input("b", s.w_shape()[0]),
                 seed = input("y", s.y_shape());
    const std::vector<Tensor> got = derivatives(conv2d(x, w, b, s.options), {x, w, b}, seed);
    const std::vector<Tensor> expected = derivatives(composed_conv2d(x, w, b, s), {x, w, b}, seed);
    for (std::size_t k = 0; k < got.size(); ++k) {
      INFO("result " << k);
      CHECK(allclose(got[k], expected[k], 1e-11, 1e-11));
    }
  }
}

TEST_CASE("conv2d of f32 with 3x3 filters: value and two orders of derivatives are those of f64", "[conv]") {
  const Conv2dOptions options{.padding = 1, .groups = 2};
  const auto input = [](const char* name, const Shape& shape) { return randn(shape, f64, random_key(3, name)); };
  const std::vector<Tensor> wide = {input("x", {2, 64, 14, 14}), input("w", {48, 32, 3, 3}), input("b", {48})};
  const Tensor seed = input("y", {2, 48, 14, 14});
  const auto results = [&](Dtype dtype) {
    std::vector<Tensor> x;
    for (const Tensor& t : wide) x.push_back(cast(t, dtype).requires_grad_());
    return derivatives(conv2d(x[0], x[1], x[2], options), x, cast(seed, dtype).requires_grad_());
  };
  const std::vector<Tensor> expected = results(f64), fast = results(f32);
  const HighestPrecision guard;
  const std::vector<Tensor> precise = results(f32);
  CHECK(!equal(fast.back(), precise.back()));  // that is, a Winograd convolution and a direct one
  for (std::size_t k = 0; k < expected.size(); ++k) {
    INFO("result " << k);
    const double scale = 1e-5 * max(abs(expected[k])).item();
    CHECK(allclose(cast(fast[k], f64), expected[k], 0, scale));
    CHECK(allclose(cast(precise[k], f64), expected[k], 0, scale));
  }
}

TEST_CASE("conv2d: values and gradients of PyTorch", "[conv]") {
  const Tensor x = pattern({1, 4, 3, 4}).requires_grad_(), w = pattern({2, 2, 2, 2}, 5, 9).requires_grad_();
  const Tensor y = conv2d(x, w, pattern(2, 3, 5), {.stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2});
  CHECK(equal(y, tensor({{{{-0.75, 1.3125, 0.125, -0.4375}, {0.1875, -0.9375, -1.625, -1}},
                          {{-0.75, 1.0625, 1.0625, -0.25}, {1.5625, -0.375, -0.75, 0.375}}}},
                        f64)));
  const std::vector<Tensor> g = grad({y}, {pattern({1, 2, 2, 4}, 3, 7)}, {x, w});
  CHECK(equal(g[0],
              from_vector<double>(
                  {0,      -0.9375, 0.1875,  0.375,  0.5,   -0.125, 0.625,  0.0625, 0.375,  0.0625,  0.3125,  0.125,
                   0,      -0.9375, 0.0625,  0.75,   0.25,  0.25,   0,      0.1875, 0.125,  0.4375,  -0.3125, 0.25,
                   0.1875, -0.0625, -0.4375, 0.1875, 0,     0.5,    -0.25,  0.75,   0.0625, 0.1875,  -0.1875, 0.5625,
                   0.5625, -0.1875, 0.1875,  0.0625, 0.125, -0.125, -0.125, 0.375,  0.1875, -0.4375, -0.0625, 0.1875},
                  {1, 4, 3, 4})));
  CHECK(equal(g[1], from_vector<double>({-1.0625, -0.875, 1.375, 0.75, 0.625, 0.25, -0.1875, 1.1875, 0.25, -0.8125,
                                         0.3125, 1.5, 0.75, 0.875, -0.1875, -2.125},
                                        {2, 2, 2, 2})));
}

TEST_CASE("conv1d and the transposed convolutions: values of PyTorch", "[conv]") {
  CHECK(equal(conv1d(pattern({2, 2, 5}), pattern({2, 2, 3}, 5, 9), pattern(2, 3, 5), {.stride = 2, .padding = 1}),
              tensor({{{-0.0625, -2.3125, -2.5625}, {-1.9375, -0.625, 1.375}},
                      {{-0.3125, 0.375, 0.8125}, {0.625, 2.0625, 1.375}}},
                     f64)));
  CHECK(equal(conv_transpose1d(pattern({2, 3}), pattern({2, 1, 2}, 5, 9), {}, {.output_padding = 2, .dilation = 3}),
              tensor({{0.3125, -0.6875, 1.0625, 0.3125, 0.25, -0.5, 0, 0}}, f64)));
  const Tensor y = conv_transpose2d(pattern({1, 2, 2, 3}), pattern({2, 1, 2, 2}, 5, 9), pattern(2, 3, 5),
                                    {.stride = {2, 3}, .padding = {1, 0}, .output_padding = {1, 2}, .groups = 2});
  CHECK(equal(y, from_vector<double>(
                     {0.4375, -1.125, -0.5,    -0.875, -0.25,  -0.5,    -0.125, -0.75, -0.5,    -0.5,  -1.75, -0.1875,
                      -0.5,   -0.75,  -0.4375, -0.5,   0.25,   -0.6875, -0.5,   -0.5,  -1.4375, 0.125, -0.5,  -0.6875,
                      -0.375, -0.5,   0.0625,  -0.875, -0.5,   -0.5,    0,      1.25,  0.25,    0.25,  0.25,  0.25,
                      0.5,    -0.75,  0.25,    0.25,   -0.125, 0.8125,  0.25,   0.375, 0.0625,  0.25,  0.875, -0.6875,
                      0.25,   0.25,   0.0625,  1,      0.25,   0.3125,  0,      0.25,  0.5625,  -1,    0.25,  0.25},
                     {1, 2, 3, 10})));
}

TEST_CASE("conv1d is conv2d of images of one row, bit for bit", "[conv]") {
  const Tensor x = randn({2, 3, 9}, f32, random_key(1, "x", 0)), w = randn({4, 3, 3}, f32, random_key(1, "w", 0));
  const Tensor y = conv1d(x, w, {}, {.stride = 2, .padding = 1});
  CHECK(y.shape() == Shape{2, 4, 5});
  CHECK(equal(reshape(y, {2, 4, 1, 5}),
              conv2d(reshape(x, {2, 3, 1, 9}), reshape(w, {4, 3, 1, 3}), {}, {.stride = {1, 2}, .padding = {0, 1}})));
}

TEST_CASE("an image without a batch gives what it gives in a batch of one", "[conv]") {
  const Tensor x = pattern({2, 4, 5}), w = pattern({3, 2, 2, 2}, 5, 9), v = pattern({2, 3, 2, 2}, 5, 9);
  CHECK(equal(reshape(conv2d(x, w), {1, 3, 3, 4}), conv2d(reshape(x, {1, 2, 4, 5}), w)));
  CHECK(equal(reshape(conv_transpose2d(x, v), {1, 3, 5, 6}), conv_transpose2d(reshape(x, {1, 2, 4, 5}), v)));
}

TEST_CASE("an empty batch has an empty output and zero gradients of weights", "[conv]") {
  const Tensor w = ones({3, 2, 3, 3}).requires_grad_(), b = ones(3).requires_grad_(),
               x = ones({0, 2, 4, 4}).requires_grad_();
  const Tensor y = conv2d(x, w, b);
  CHECK(y.shape() == Shape{0, 3, 2, 2});
  sum(y).backward();
  CHECK(equal(w.grad(), zeros({3, 2, 3, 3})));
  CHECK(equal(b.grad(), zeros(3)));
  CHECK(x.grad().shape() == x.shape());
  CHECK(conv_transpose2d(ones({0, 2, 4, 4}), ones({2, 3, 3, 3})).shape() == Shape{0, 3, 6, 6});
}

TEST_CASE("the gradient ops are the adjoints of conv2d", "[conv]") {
  const Tensor x = pattern({2, 2, 5, 4}), w = pattern({4, 1, 2, 3}, 5, 9), dy = pattern({2, 4, 3, 4}, 3, 7);
  const Conv2dOptions options = {.stride = {2, 1}, .padding = 1, .groups = 2};
  const double product = sum(conv2d(x, w, {}, options) * dy).item();
  CHECK(product != 0);
  CHECK(sum(conv2d_input_gradient(dy, w, x.shape(), options) * x).item() == product);
  CHECK(sum(conv2d_weight_gradient(x, dy, w.shape(), options) * w).item() == product);
}

TEST_CASE("convolution: errors name sizes and remedies", "[conv]") {
  const Tensor x = ones({1, 4, 5, 5}), w = ones({2, 4, 3, 3});
  CHECK(error_of([&] {
          conv2d(ones({5, 5}), w);
        }) == "conv2d: the input has shape (5, 5), needed is (N, C, H, W) or (C, H, W)");
  CHECK(error_of([&] {
          conv1d(x, ones({2, 4, 3}));
        }) == "conv1d: the input has shape (1, 4, 5, 5), needed is (N, C, L) or (C, L)");
  CHECK(error_of([&] {
          conv2d(x, ones({2, 4, 3}));
        }) == "conv2d: the weight has shape (2, 4, 3), needed is two sizes for channels and 2 for the kernel");
  CHECK(error_of([&] {
          conv2d(x, ones({2, 3, 3, 3}));
        }) == "conv2d: the input (1, 4, 5, 5) has 4 channels, but the weight (2, 3, 3, 3) with groups 1 takes 3");
  CHECK(error_of([&] {
          conv2d(x, ones({3, 2, 3, 3}), {}, {.groups = 2});
        }) == "conv2d: 2 groups do not divide the first size, 3, of the weight (3, 2, 3, 3)");
  CHECK(error_of([&] { conv2d(x, w, ones(3)); }) == "conv2d: the bias has shape (3,), needed is (2,)");
  CHECK(error_of([&] {
          conv2d(x, w, {}, {.dilation = {1, 3}});
        }) ==
        "conv2d: a kernel of size 3 with dilation 3 spans 7 elements, the padded input has only 5; use a smaller "
        "kernel or more padding");
  CHECK(error_of([&] { conv2d(x, w, {}, {.stride = {1, 0}}); }) == "conv2d: a stride of 0; use 1 or more");
  CHECK(error_of([&] { conv2d(x, w, {}, {.padding = -1}); }) == "conv2d: a padding of -1; use 0 or more");
  CHECK(error_of([&] { conv2d(x, w, {}, {.dilation = 0}); }) == "conv2d: a dilation of 0; use 1 or more");
  CHECK(error_of([&] { conv2d(x, w, {}, {.groups = 0}); }) == "conv2d: 0 groups; use 1 or more");
  CHECK(error_of([&] { conv2d(x, ones({2, 4, 0, 3})); }) == "conv2d: a kernel of size 0; use 1 or more");
  CHECK(error_of([&] {
          conv2d(x, ones({2, 4, 3, 3}, f64));
        }) == "conv2d: the inputs are f32 and f64; use cast(x, f32)");
  CHECK(error_of([&] { conv2d(x, w, ones(2, f64)); }) == "conv2d: the inputs are f32 and f64; use cast(x, f32)");
  CHECK(error_of([&] {
          conv2d(ones({1, 4, 5, 5}, u8), ones({2, 4, 3, 3}, u8));
        }) == "conv2d: needs f32 or f64, got u8; use cast(x, f32)");
  CHECK(error_of([&] { conv_transpose2d(x, w); }) ==
        "conv_transpose2d: the input (1, 4, 5, 5) has 4 channels, but the weight (2, 4, 3, 3) takes 2");
  CHECK(error_of([&] {
          conv_transpose1d(ones({1, 1, 2}), ones({1, 1, 2}), {}, {.output_padding = 1});
        }) ==
        "conv_transpose1d: an output padding of 1 with stride 1 and dilation 1; it must be smaller than one of them");
  CHECK(error_of([&] {
          conv_transpose1d(ones({1, 1, 2}), ones({1, 1, 2}), {}, {.padding = 2});
        }) == "conv_transpose1d: the input (1, 1, 2) gives an output of size -1; use less padding");
  CHECK(error_of([&] {
          conv2d_input_gradient(ones({1, 2, 2, 3}), w, {1, 4, 5, 5});
        }) == "conv2d_input_gradient: dy has shape (1, 2, 2, 3), the convolution's output has (1, 2, 3, 3)");
  CHECK(error_of([&] {
          conv2d_weight_gradient(x, ones({1, 2, 2, 3}), {2, 4, 3, 3});
        }) == "conv2d_weight_gradient: dy has shape (1, 2, 2, 3), the convolution's output has (1, 2, 3, 3)");
}

TEST_CASE("convolution: huge options are errors or cost nothing", "[conv]") {
  constexpr std::int64_t huge = 1'000'000'000'000'000'000, large = 2'147'483'647;
  const Tensor x = pattern({1, 2, 5, 4}), w = pattern({2, 2, 3, 2}, 5, 9);
  CHECK(error_of([&] { conv2d(x, w, {}, {.stride = huge}); }) ==
        "conv2d: a stride of 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { conv2d(x, w, {}, {.padding = huge}); }) ==
        "conv2d: a padding of 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { conv2d(x, w, {}, {.dilation = huge}); }) ==
        "conv2d: a dilation of 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { conv_transpose2d(x, w, {}, {.groups = huge}); }) ==
        "conv_transpose2d: 1000000000000000000 groups; use 2147483647 or less");
  CHECK(error_of([&] { conv2d(x, w, {}, {.padding = large, .dilation = large}); }) ==
        "conv2d: the padded input has 4294967299 x 4294967298 elements in each channel, too many for any memory; use "
        "less padding");
  CHECK(error_of([&] { conv_transpose2d(x, w, {}, {.stride = large}); }) ==
        "conv_transpose2d: the input (1, 2, 5, 4) gives an output of size 8589934591; at most 2147483647 is supported");
  // A stride beyond the input leaves one output, whatever it is.
  const auto derivatives = [&](std::int64_t stride) {
    const Tensor image = x.detach().requires_grad_(), filter = w.detach().requires_grad_();
    const Tensor y = conv2d(image, filter, {}, {.stride = stride, .padding = 1});
    y.backward(ones(y.shape(), f64));
    return std::array{y, image.grad(), filter.grad()};
  };
  const auto few = derivatives(7), many = derivatives(large);
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(equal(few[i], many[i]));
}
