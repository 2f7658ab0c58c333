#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

// Multiples of 1/4 around zero: sums of them are exact.
Tensor pattern(const Shape& shape) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.numel(); ++i) values.push_back(static_cast<double>(i * 7 % 11 - 5) / 4);
  return from_vector(values, shape);
}

// max_pool2d of an x (C, H, W) and its gradient for seeds of ones, window by window as the definition says.
struct Plain {
  std::vector<double> y, dx;
};

Plain plain_max_pool(const std::vector<double>& x, const Shape& in, const Shape& out, Pair kernel,
                     const MaxPool2dOptions& o) {
  Plain result{{}, std::vector<double>(x.size())};
  for (std::int64_t window = 0; window < out.numel(); ++window) {
    const std::int64_t plane = window / (out[1] * out[2]), i = window / out[2] % out[1], j = window % out[2];
    std::int64_t best = -1;
    for (std::int64_t tap = 0; tap < kernel.values[0] * kernel.values[1]; ++tap) {
      const std::int64_t h =
          i * o.stride.values[0] + tap / kernel.values[1] * o.dilation.values[0] - o.padding.values[0];
      const std::int64_t w =
          j * o.stride.values[1] + tap % kernel.values[1] * o.dilation.values[1] - o.padding.values[1];
      if (h < 0 || h >= in[1] || w < 0 || w >= in[2]) continue;
      const std::int64_t at = (plane * in[1] + h) * in[2] + w;
      if (best < 0 || x[static_cast<std::size_t>(at)] > x[static_cast<std::size_t>(best)]) best = at;
    }
    result.y.push_back(x[static_cast<std::size_t>(best)]);
    result.dx[static_cast<std::size_t>(best)] += 1;
  }
  return result;
}

// The same for avg_pool2d.
Plain plain_avg_pool(const std::vector<double>& x, const Shape& in, const Shape& out, Pair kernel,
                     const AvgPool2dOptions& o) {
  Plain result{{}, std::vector<double>(x.size())};
  for (std::int64_t window = 0; window < out.numel(); ++window) {
    const std::int64_t plane = window / (out[1] * out[2]), i = window / out[2] % out[1], j = window % out[2];
    std::vector<std::size_t> inside;
    std::int64_t count = 0;
    for (std::int64_t tap = 0; tap < kernel.values[0] * kernel.values[1]; ++tap) {
      const std::int64_t h = i * o.stride.values[0] + tap / kernel.values[1] - o.padding.values[0];
      const std::int64_t w = j * o.stride.values[1] + tap % kernel.values[1] - o.padding.values[1];
      if (h < in[1] + o.padding.values[0] && w < in[2] + o.padding.values[1]) ++count;
      if (h < 0 || h >= in[1] || w < 0 || w >= in[2]) continue;
      inside.push_back(static_cast<std::size_t>((plane * in[1] + h) * in[2] + w));
    }
    const double divisor = o.count_include_pad ? static_cast<double>(count) : static_cast<double>(inside.size());
    double sum = 0;
    for (const std::size_t at : inside) {
      sum += x[at];
      result.dx[at] += 1 / divisor;
    }
    result.y.push_back(sum / divisor);
  }
  return result;
}

std::int64_t from_to(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<unsigned>(high - low + 1));
}

}  // namespace

TEST_CASE("max_pool2d: values and indices of PyTorch", "[pooling]") {
  const Tensor x = pattern({1, 2, 4, 5});
  const MaxPoolResult ceiled = max_pool2d_with_indices(x, {3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true});
  CHECK(equal(ceiled.values, tensor({{{{-0.75, 1, 1.25}, {0.25, 1, 1.25}, {0.25, 1, 0}},
                                      {{1.25, 0.25, 1}, {1.25, 1.25, 1}, {-0.5, 1.25, 1}}}},
                                    f64)));
  CHECK(
      equal(ceiled.indices, tensor({{{{5, 6, 3}, {15, 6, 14}, {15, 17, 18}}, {{5, 6, 8}, {5, 16, 8}, {15, 16, 19}}}})));
  const MaxPoolResult dilated = max_pool2d_with_indices(x, 2, {.stride = {1, 3}, .dilation = {2, 1}});
  CHECK(equal(dilated.values, tensor({{{{0.5, 1.25}, {1, 0.75}}, {{0.75, 0.5}, {1.25, 1}}}}, f64)));
  CHECK(equal(dilated.indices, tensor({{{{1, 3}, {6, 9}}, {{0, 3}, {5, 8}}}})));
  CHECK(equal(max_pool2d(x, 2, {.stride = {1, 3}, .dilation = {2, 1}}), dilated.values));
}

TEST_CASE("max_pool2d: values and gradients are those of the definition on random sizes", "[pooling]") {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const Pair kernel = {from_to(random, 1, 3), from_to(random, 1, 4)};
    const MaxPool2dOptions options = {
        {from_to(random, 1, 3), from_to(random, 1, 4)},
        {from_to(random, 0, kernel.values[0] / 2), from_to(random, 0, kernel.values[1] / 2)},
        {from_to(random, 1, 2), from_to(random, 1, 2)},
        from_to(random, 0, 1) == 1};
    const Shape in = {from_to(random, 1, 3), from_to(random, 5, 9), from_to(random, 7, 40)};
    // Few different values, so that there are ties.
    const std::vector<std::int64_t> integers =
        randint(-3, 4, in, random_key(1, "x", static_cast<std::uint64_t>(i))).to_vector<std::int64_t>();
    const std::vector<double> values(integers.begin(), integers.end());
    const Tensor image = from_vector(values, in).requires_grad_(), y = max_pool2d(image, kernel, options);
    INFO("x " << to_string(in) << ", kernel (" << kernel.values[0] << ", " << kernel.values[1] << "), y "
              << to_string(y.shape()));
    const Plain expected = plain_max_pool(values, in, y.shape(), kernel, options);
    CHECK(y.to_vector<double>() == expected.y);
    sum(y).backward();
    CHECK(image.grad().to_vector<double>() == expected.dx);
  }
}

TEST_CASE("pooling: windows that tile images in pairs, up to elements at the far edges", "[pooling]") {
  for (const std::int64_t rows : {1, 2}) {
    for (std::int64_t width = 2; width < 72; ++width) {
      const Pair kernel = {rows, 2};
      const Shape in = {3, 2 * rows + width % 3, width};
      INFO("x " << to_string(in) << ", kernel (" << rows << ", 2)");
      const Tensor x = pattern(in).requires_grad_();
      const Tensor maxima = max_pool2d(x, kernel), averages = avg_pool2d(x, kernel);
      const Plain max = plain_max_pool(x.to_vector<double>(), in, maxima.shape(), kernel, {.stride = kernel}),
                  mean = plain_avg_pool(x.to_vector<double>(), in, averages.shape(), kernel, {.stride = kernel});
      CHECK(maxima.to_vector<double>() == max.y);
      CHECK(averages.to_vector<double>() == mean.y);  // halves and quarters are exact
      CHECK(grad(sum(maxima), {x})[0].to_vector<double>() == max.dx);
      CHECK(grad(sum(averages), {x})[0].to_vector<double>() == mean.dx);
      const Tensor single = cast(x.detach(), f32).requires_grad_();
      const auto values = [](const Tensor& y) { return cast(y, f64).to_vector<double>(); };
      CHECK(values(max_pool2d(single, kernel)) == max.y);
      CHECK(values(avg_pool2d(single, kernel)) == mean.y);
      CHECK(values(grad(sum(max_pool2d(single, kernel)), {single})[0]) == max.dx);
      CHECK(values(grad(sum(avg_pool2d(single, kernel)), {single})[0]) == mean.dx);
    }
  }
}

TEST_CASE("max_pool2d: NaNs count as largest wherever they stand in a window", "[pooling]") {
  const std::int64_t width = 44;
  for (std::int64_t tap = 0; tap < 4; ++tap) {
    for (std::int64_t other = 0; other <= tap; ++other) {
      std::vector<float> values(static_cast<std::size_t>(2 * width), 1.f);
      const auto at = [&](std::int64_t window, std::int64_t t) -> float& {
        return values[static_cast<std::size_t>(t / 2 * width + 2 * window + t % 2)];
      };
      for (std::int64_t window = 0; window < width / 2; ++window) at(window, tap) = at(window, other) = not_a_number;
      const Tensor x = from_vector(values, {1, 2, width});
      const MaxPoolResult result = max_pool2d_with_indices(x, 2);
      for (std::int64_t window = 0; window < width / 2; ++window) {
        CHECK(std::isnan(result.values.to_vector<float>()[static_cast<std::size_t>(window)]));
        CHECK(result.indices.to_vector<std::int64_t>()[static_cast<std::size_t>(window)] ==
              tap / 2 * width + 2 * window + tap % 2);
      }
    }
  }
}

TEST_CASE("max pooling: NaN and infinities as in PyTorch", "[pooling]") {
  const Tensor x = tensor({{1.f, not_a_number, 3.f, 2.f, 5.f, -infinity, -infinity, -infinity}}).requires_grad_();
  const std::vector<float> y = max_pool1d(x, 2).to_vector<float>();
  CHECK(std::isnan(y[0]));
  CHECK(std::vector<float>(y.begin() + 1, y.end()) == std::vector<float>{3, 5, -infinity});
  max_pool1d(x, 2).backward(ones({1, 4}));
  CHECK(equal(x.grad(), tensor({{0, 1, 1, 0, 1, 0, 1, 0}}, f32)));
  const Tensor all_low = full({1, 1, 3}, -infinity).requires_grad_();
  max_pool1d(all_low, 3, {.stride = 1, .padding = 1}).backward(ones({1, 1, 3}));
  CHECK(equal(all_low.grad(), tensor({{{2, 1, 0}}}, f32)));
}

TEST_CASE("avg_pool: values of PyTorch", "[pooling]") {
  const Tensor x = pattern({1, 2, 4, 5});
  const auto close = [](const Tensor& y, const std::vector<double>& values) {
    return allclose(y, from_vector(values, y.shape()), 1e-14, 1e-15);
  };
  CHECK(close(avg_pool2d(x, {3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true}) * 48,
              {-16, 8, 10, -6, 4, -4, 3, 3, -12, 16, -16, 8, -2, 12, 4, -6, 18, 3}));
  CHECK(close(avg_pool2d(x, {3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}) * 48,
              {-48, 12, 15, -12, 4, -4, 12, 6, -24, 48, -24, 12, -4, 12, 4, -24, 36, 6}));
  CHECK(close(adaptive_avg_pool2d(x, {3, 2}) * 24, {-4, 3, -3, 4, -2, 5, 0, -4, 1, -3, 2, -2}));
  CHECK(
      close(avg_pool1d(pattern({1, 6}), 4, {.stride = 3, .padding = 2, .ceil_mode = true}), {-0.1875, 0.375, -0.125}));
  CHECK(close(avg_pool2d(x, 2), {-0.125, -0.0625, -0.5, 0.25, 0.5, -0.125, 0.125, -0.5}));
}

TEST_CASE("adaptive_avg_pool1d: more windows than elements, and windows that are all the same", "[pooling]") {
  const Tensor x = tensor({{{1.0, 2.0, 4.0}}}, f64).requires_grad_();
  const Tensor y = adaptive_avg_pool1d(x, 5);
  CHECK(equal(y, tensor({{{1, 1.5, 2, 3, 4}}}, f64)));
  sum(y).backward();
  CHECK(equal(x.grad(), tensor({{{1.5, 2, 1.5}}}, f64)));
  CHECK(equal(adaptive_avg_pool1d(tensor({{{1.f, 2.f, 4.f, 6.f, 0.f, 8.f}}}), 3), tensor({{{1.5f, 5.f, 4.f}}})));
}

TEST_CASE("avg_pool2d: values and gradients are those of the definition on random sizes", "[pooling]") {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const Pair kernel = {from_to(random, 1, 3), from_to(random, 1, 3)};
    const AvgPool2dOptions options = {
        {from_to(random, 1, 3), from_to(random, 1, 3)},
        {from_to(random, 0, kernel.values[0] / 2), from_to(random, 0, kernel.values[1] / 2)},
        from_to(random, 0, 1) == 1,
        from_to(random, 0, 1) == 1};
    const Tensor x = pattern({from_to(random, 1, 3), from_to(random, 3, 9), from_to(random, 3, 40)}).requires_grad_();
    const Tensor y = avg_pool2d(x, kernel, options);
    INFO("x " << to_string(x.shape()) << ", kernel (" << kernel.values[0] << ", " << kernel.values[1] << "), y "
              << to_string(y.shape()));
    const Plain expected = plain_avg_pool(x.to_vector<double>(), x.shape(), y.shape(), kernel, options);
    CHECK(allclose(y, from_vector(expected.y, y.shape()), 1e-14, 1e-14));
    sum(y).backward();
    CHECK(allclose(x.grad(), from_vector(expected.dx, x.shape()), 1e-14, 1e-14));
  }
}

TEST_CASE("pooling: empty batches, and images without one", "[pooling]") {
  CHECK(max_pool2d(ones({0, 2, 4, 4}), 2).shape() == Shape{0, 2, 2, 2});
  CHECK(avg_pool2d(ones({0, 2, 4, 4}), 2).shape() == Shape{0, 2, 2, 2});
  CHECK(max_pool1d(ones({2, 9}), 2, {.ceil_mode = true}).shape() == Shape{2, 5});
  CHECK(adaptive_avg_pool2d(ones({3, 5, 7}), 1).shape() == Shape{3, 1, 1});
  const Tensor x = ones({0, 2, 4, 4}).requires_grad_();
  sum(max_pool2d(x, 2) + avg_pool2d(x, 2)).backward();
  CHECK(x.grad().shape() == x.shape());
}

TEST_CASE("pooling: errors name sizes and remedies", "[pooling]") {
  const Tensor x = ones({1, 1, 4, 4});
  CHECK(error_of([&] {
          max_pool2d(ones({4, 4}), 2);
        }) == "max_pool2d: the input has shape (4, 4), needed is (N, C, H, W) or (C, H, W)");
  CHECK(error_of([&] { avg_pool1d(x, 2); }) ==
        "avg_pool1d: the input has shape (1, 1, 4, 4), needed is (N, C, L) or (C, L)");
  CHECK(error_of([&] { max_pool2d(x, 3, {.padding = 2}); }) ==
        "max_pool2d: padding should be at most half of the kernel: it is 2, the kernel spans 3");
  CHECK(error_of([&] { avg_pool2d(x, 3, {.padding = -1}); }) ==
        "avg_pool2d: padding should be at most half of the kernel: it is -1, the kernel spans 3");
  CHECK(error_of([&] { max_pool2d(x, 5); }) ==
        "max_pool2d: a kernel that spans 5 elements is too large for an input of 4 with padding 0");
  CHECK(error_of([&] { max_pool2d(x, 0); }) == "max_pool2d: a kernel of size 0; use 1 or more");
  CHECK(error_of([&] { max_pool2d(x, 2, {.stride = -1}); }) == "max_pool2d: a stride of -1; use 1 or more");
  CHECK(error_of([&] { max_pool2d(x, 2, {.dilation = 0}); }) == "max_pool2d: a dilation of 0; use 1 or more");
  CHECK(error_of([&] {
          max_pool1d(ones({1, 1, 1}), 2, {.padding = 1, .dilation = 2});
        }) == "max_pool1d: no element of an input of 1 lies under window 0; use a smaller padding or dilation");
  CHECK(error_of([&] {
          max_pool2d(ones({1, 1, 4, 4}, i64), 2);
        }) == "max_pool2d: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] {
          avg_pool2d(ones({1, 1, 4, 4}, i64), 2);
        }) == "avg_pool2d: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] {
          adaptive_avg_pool1d(ones({1, 4}), 0);
        }) == "adaptive_avg_pool1d: an output size of 0; use 1 or more");
  CHECK(error_of([&] {
          adaptive_avg_pool1d(ones({1, 0}), 1);
        }) == "adaptive_avg_pool1d: the input (1, 0) has no elements to average");
}

TEST_CASE("pooling: huge options are errors or cost nothing", "[pooling]") {
  constexpr std::int64_t huge = 1'000'000'000'000'000'000, large = 2'147'483'647;
  const Tensor x = pattern({1, 2, 5, 4});
  CHECK(error_of([&] { max_pool2d(x, huge); }) ==
        "max_pool2d: a kernel of size 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { avg_pool2d(x, 2, {.stride = huge}); }) ==
        "avg_pool2d: a stride of 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { max_pool2d(x, 2, {.dilation = huge}); }) ==
        "max_pool2d: a dilation of 1000000000000000000; use 2147483647 or less");
  CHECK(error_of([&] { avg_pool2d(x, 2, {.padding = huge}); }) ==
        "avg_pool2d: padding should be at most half of the kernel: it is 1000000000000000000, the kernel spans 2");
  CHECK(error_of([&] { max_pool2d(x, large, {.stride = 1, .padding = large / 2}); }) ==
        "max_pool2d: a kernel of 2147483647 x 2147483647 elements; at most 2147483647 are supported");
  CHECK(equal(max_pool2d(x, 1, {.stride = 1, .dilation = large}), x));
  // A stride or a kernel beyond the input leaves one window, whatever it is.
  const auto results = [&](std::int64_t kernel, std::int64_t stride) {
    const Tensor image = x.detach().requires_grad_();
    const MaxPoolResult maxima = max_pool2d_with_indices(image, kernel, {.stride = stride, .ceil_mode = true});
    const Tensor averages = avg_pool2d(image, kernel, {.stride = stride, .ceil_mode = true});
    (maxima.values + averages).backward(ones(averages.shape(), f64));
    return std::array{maxima.values, maxima.indices, averages, image.grad()};
  };
  for (const std::int64_t kernel : {std::int64_t{2}, std::int64_t{5}, large}) {
    const auto few = results(std::min<std::int64_t>(kernel, 6), 6), many = results(kernel, large);
    for (std::size_t i = 0; i < few.size(); ++i) CHECK(equal(few[i], many[i]));
  }
}
