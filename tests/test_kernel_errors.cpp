// The rounding errors of the f32 kernels over random shapes: against the same kernels in f64, which for some of the
// cases are themselves compared with the definition.
#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <map>

#include "catch.hpp"
#include "kernel_cases.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/gemm.hpp"
#include "ravel/ops/kernels/winograd.hpp"
#include "ravel/ravel.hpp"

namespace ravel::testing {
namespace {

// The largest errors of one kind of kernel. Those as a share of the root mean square say little of results that have
// few elements, by chance all small, and are taken of results with at least `many` only.
struct Errors {
  static constexpr std::size_t many = 64;
  double of_products = 0;  // element by element, as a share of the sum of the absolute values of what was added
  double of_rms = 0;       // as a share of the root mean square of all elements
  int cases = 0;           // that were judged
  std::string worst = {};  // the case with the largest error as a share of the root mean square
};

// What is allowed, by kind of kernel: 1.2 to 2.4 times what the 10,000 cases of the long test show.
const std::map<std::string, Errors> bounds = {
    {"conv output", {5e-7, 8e-6}},
    {"conv output, Winograd", {6e-6, 1.8e-5}},
    {"conv input gradient", {5e-7, 1.2e-5}},
    {"conv input gradient, Winograd", {6e-6, 1.8e-5}},
    {"conv weight gradient", {5e-7, 4e-6}},
    {"conv weight gradient, Winograd", {1.3e-6, 1.2e-5}},
    {"gemm nn", {5e-7, 5e-6}},
    {"gemm nt", {5e-7, 5e-6}},
    {"gemm tn", {5e-7, 5e-6}},
    {"gemm tt", {5e-7, 5e-6}},
    {"gemm large nn", {6e-7, 1.2e-5}},
    {"gemm large nt", {6e-7, 1.2e-5}},
    {"gemm large tn", {6e-7, 1.2e-5}},
    {"gemm large tt", {6e-7, 1.2e-5}},
    {"sum", {2.5e-7, 1e-6}},
    {"mean", {2.5e-7, 1e-6}},
    {"var", {4e-7, 1.6e-6}},
    {"softmax", {8e-7, 1.6e-5}},
    {"log_softmax", {2.5e-7, 7e-7}},
    {"cross_entropy", {2.5e-7, 0}},
    {"cross_entropy gradient", {8e-7, 1e-5}},
    {"avg_pool2d", {3e-7, 1e-6}},
    {"avg_pool2d gradient", {2.5e-7, 1.2e-6}},
    {"max_pool2d", {0, 0}},
    {"max_pool2d gradient", {2.5e-7, 5e-6}},
};

class Judge {
 public:
  // `exact` and `magnitude` are the result and the sum of absolute values in f64.
  void compare(const std::string& kind, const std::string& shape, const std::vector<float>& got,
               const std::vector<double>& exact, const std::vector<double>& magnitude) {
    REQUIRE(got.size() == exact.size());
    REQUIRE(got.size() == magnitude.size());
    Errors& errors = errors_[kind];
    double largest = 0, squares = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double error = std::abs(static_cast<double>(got[i]) - exact[i]);
      if (!std::isfinite(error)) FAIL(kind << " of " << shape << " has " << got[i] << " at " << i);
      errors.of_products = std::max(errors.of_products, error == 0 ? 0 : error / magnitude[i]);
      largest = std::max(largest, error);
      squares += exact[i] * exact[i];
    }
    ++errors.cases;
    const double of_rms = largest == 0 ? 0 : largest / std::sqrt(squares / static_cast<double>(got.size()));
    if (got.size() >= Errors::many && !(of_rms <= errors.of_rms)) {
      errors.of_rms = of_rms;
      errors.worst = shape;
    }
  }

  // Every kind of kernel must have been judged and have kept its bounds.
  void check(bool talk) const {
    for (const auto& [kind, bound] : bounds) {
      REQUIRE(errors_.contains(kind));
      const Errors& errors = errors_.at(kind);
      const std::string text =
          fmt::format("{}: {} cases, largest error {:.2g} of the sum of products, {:.2g} of the rms ({})", kind,
                      errors.cases, errors.of_products, errors.of_rms, errors.worst);
      if (talk) WARN(text);
      INFO(text);
      CHECK(errors.of_products <= bound.of_products);
      CHECK(errors.of_rms <= bound.of_rms);
    }
    CHECK(errors_.size() == bounds.size());
  }

 private:
  std::map<std::string, Errors> errors_;
};

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }
std::vector<double> magnitudes(const std::vector<float>& values) {
  std::vector<double> result(values.size());
  std::ranges::transform(values, result.begin(), [](float x) { return std::abs(x); });
  return result;
}

// Two sevenths are 3x3 filters with stride 1 and 16 channels or more; a seventh each products (1x1), depthwise, and of
// one row. Some have less output than there could be, as the convolutions have of which a transposed one with
// output_padding is the input gradient.
ConvShape random_conv_shape(Dice& dice) {
  const std::int64_t way = dice(0, 6);
  if (way <= 1) {
    const std::array<std::int64_t, 2> sizes = {dice(1, 3), dice(1, 2)}, channels = {dice(16, 40), dice(16, 40)},
                                      in = {dice(3, 20), dice(3, 20)}, padding = {dice(0, 2), dice(0, 2)};
    return conv_shape(sizes[0], sizes[1], channels[0], channels[1], in, {3, 3}, {1, 1}, padding);
  }
  if (way == 3) {
    const std::array<std::int64_t, 2> channels = {dice(1, 300), dice(1, 300)}, in = {dice(1, 9), dice(1, 9)};
    const std::int64_t batch = dice(1, 4);
    return conv_shape(batch, 1, channels[0], channels[1], in, {1, 1});
  }
  const bool is_row = way == 2, is_depthwise = way == 4;
  const std::int64_t rows = is_row ? 1 : dice(1, 14), kernel_rows = is_row ? 1 : dice(1, 5),
                     most_channels = is_depthwise ? 1 : 20;
  const std::array<std::int64_t, 2> sizes = {dice(1, 4), dice(1, is_depthwise ? 12 : 4)},
                                    channels = {dice(1, most_channels), dice(1, most_channels)},
                                    in = {rows, dice(1, is_row ? 120 : 30)}, kernel = {kernel_rows, dice(1, 5)},
                                    stride = {dice(1, 3), dice(1, 3)}, padding = {dice(0, 3), dice(0, 3)},
                                    dilation = {dice(1, 3), dice(1, 3)};
  const std::int64_t cut = is_row ? 0 : dice(0, 1);
  return conv_shape(sizes[0], sizes[1], channels[0], channels[1], in, kernel, stride, padding, dilation, cut);
}

// The key of its bounds; `tile` is the size of Winograd's tiles, 0 for direct sums.
std::string kind_of(const char* pass, int tile) { return tile == 0 ? pass : std::string(pass) + ", Winograd"; }

// The three passes in T, from one set of numbers.
template <class T>
struct Passes {
  Passes(const ConvShape& s, const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& dy,
         const std::vector<T>& bias)
      : y(dy.size(), not_written), dx(x.size(), not_written), dw(w.size(), not_written) {
    kernels::conv_output(s, x.data(), w.data(), {bias.data()}, y.data());
    kernels::conv_input_gradient(s, dy.data(), w.data(), dx.data());
    kernels::conv_weight_gradient(s, x.data(), dy.data(), dw.data());
  }
  static constexpr T not_written = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> y, dx, dw;
};

void compare_f64_with_definition(const ConvShape& s, const Passes<double>& got, const std::vector<float>& x,
                                 const std::vector<float>& w, const std::vector<float>& dy,
                                 const std::vector<float>& bias) {
  std::vector<ExactSum> sums[3] = {std::vector<ExactSum>(got.y.size()), std::vector<ExactSum>(got.dx.size()),
                                   std::vector<ExactSum>(got.dw.size())};
  const auto at = [](auto& values, std::int64_t i) -> auto& { return values[static_cast<std::size_t>(i)]; };
  for_each_product(s, [&](std::int64_t i, std::int64_t k, std::int64_t o) {
    at(sums[0], o).add(static_cast<long double>(at(x, i)) * at(w, k));
    at(sums[1], i).add(static_cast<long double>(at(dy, o)) * at(w, k));
    at(sums[2], k).add(static_cast<long double>(at(dy, o)) * at(x, i));
  });
  for (std::int64_t i = 0; i < output_size(s); ++i) {
    at(sums[0], i).add(at(bias, i / (s.out[0] * s.out[1]) % (s.groups * s.out_channels)));
  }
  int wrong = 0;
  for (int pass = 0; pass < 3; ++pass) {
    const std::vector<double>& result = pass == 0 ? got.y : pass == 1 ? got.dx : got.dw;
    for (std::size_t i = 0; i < result.size(); ++i) wrong += sums[pass][i].agrees(result[i]) ? 0 : 1;
  }
  INFO(describe(s));
  CHECK(wrong == 0);
}

void judge_convolution(Judge& judge, Dice& dice, int number) {
  ConvShape s = random_conv_shape(dice);
  while (output_size(s) == 0) s = random_conv_shape(dice);
  const auto seed = static_cast<std::uint32_t>(4 * number);
  const std::vector<float> x = random_numbers<float>(input_size(s), seed),
                           w = random_numbers<float>(weight_size(s), seed + 1),
                           dy = random_numbers<float>(output_size(s), seed + 2),
                           bias = random_numbers<float>(s.groups * s.out_channels, seed + 3);
  const Passes<float> got(s, x, w, dy, bias);
  const Passes<double> exact(s, widened(x), widened(w), widened(dy), widened(bias));
  const Passes<double> magnitude(s, magnitudes(x), magnitudes(w), magnitudes(dy), magnitudes(bias));
  const std::string shape = describe(s);
  judge.compare(kind_of("conv output", kernels::winograd_output_tile(s)), shape, got.y, exact.y, magnitude.y);
  judge.compare(kind_of("conv input gradient", kernels::winograd_input_gradient_tile(s)), shape, got.dx, exact.dx,
                magnitude.dx);
  judge.compare(kind_of("conv weight gradient", kernels::winograd_weight_gradient_tile(s)), shape, got.dw, exact.dw,
                magnitude.dw);
  if (number % 50 == 0) compare_f64_with_definition(s, exact, x, w, dy, bias);
}

template <class T>
std::vector<T> product(const std::array<std::int64_t, 3>& size, bool a_transposed, bool b_transposed,
                       const std::vector<T>& a, const std::vector<T>& b) {
  const auto [rows, columns, depth] = size;
  std::vector<T> c(static_cast<std::size_t>(rows * columns));
  const kernels::Matrix<T> left =
      a_transposed ? kernels::Matrix<T>{a.data(), 1, rows} : kernels::Matrix<T>{a.data(), depth, 1};
  const kernels::Matrix<T> right =
      b_transposed ? kernels::Matrix<T>{b.data(), 1, depth} : kernels::Matrix<T>{b.data(), columns, 1};
  kernels::gemm<T>(rows, columns, depth, left, right, c.data(), columns);
  return c;
}

// {rows, columns, depth}; large ones have longer chains.
void judge_product(Judge& judge, Dice& dice, int number, const std::array<std::int64_t, 3>& size) {
  const std::array<bool, 2> transposed = {dice(0, 1) == 1, dice(0, 1) == 1};
  const auto seed = static_cast<std::uint32_t>(2 * number);
  const std::vector<float> a = random_numbers<float>(size[0] * size[2], seed),
                           b = random_numbers<float>(size[2] * size[1], seed + 1);
  const auto in = [&](const auto& left, const auto& right) {
    return product(size, transposed[0], transposed[1], left, right);
  };
  const char* const large = size[0] * size[1] >= kernels::large_product ? "large " : "";
  judge.compare(fmt::format("gemm {}{}{}", large, transposed[0] ? 't' : 'n', transposed[1] ? 't' : 'n'),
                fmt::format("{} x {} x {}", size[0], size[1], size[2]), in(a, b), in(widened(a), widened(b)),
                in(magnitudes(a), magnitudes(b)));
}

// An op in f32 against itself in f64, which gives `exact`; magnitude(x, exact) are the absolute values to compare with.
template <class F, class Magnitude>
void judge_op(Judge& judge, const std::string& kind, const Tensor& x, const F& op, const Magnitude& magnitude) {
  const Tensor wide = cast(x, f64), exact = op(wide);
  judge.compare(kind, to_string(x.shape()), op(x).template to_vector<float>(), exact.to_vector<double>(),
                magnitude(wide, exact).template to_vector<double>());
}
// The same for an op that is linear, or a maximum.
template <class F>
void judge_sums(Judge& judge, const std::string& kind, const Tensor& x, const F& op) {
  judge_op(judge, kind, x, op, [&](const Tensor& wide, const Tensor&) { return op(abs(wide)); });
}

void judge_reductions(Judge& judge, Dice& dice, int number) {
  const Shape shape = {dice(1, 40), dice(1, 40), dice(1, 40)};
  Dims dims;
  for (int dim = 0; dim < 3; ++dim) {
    if (dice(0, 1) == 1) dims.push_back(dim);
  }
  const int last = static_cast<int>(dice(0, 2));
  const Tensor x = transpose(randn(shape, f32, random_key(1, "numbers", static_cast<std::uint64_t>(number))), last, 2);
  judge_sums(judge, "sum", x, [&](const Tensor& v) { return sum(v, dims); });
  judge_sums(judge, "mean", x, [&](const Tensor& v) { return mean(v, dims); });
  judge_op(
      judge, "var", x, [&](const Tensor& v) { return var(v, dims, {.correction = 0}); },
      [&](const Tensor& v, const Tensor&) { return mean(square(v), dims); });
}

// Rounding x - max(x) alone changes an exponential by the share |x - max(x)| eps; rounding the sum of exponentials,
// which is at least 1, changes its logarithm by eps.
void judge_softmax(Judge& judge, Dice& dice, int number) {
  const std::int64_t rows = dice(1, 40), classes = dice(2, 300), dim = dice(0, 1);
  const auto step = static_cast<std::uint64_t>(number);
  const Tensor x = randn({rows, classes}, f32, random_key(3, "numbers", step)) * static_cast<double>(dice(1, 9));
  const Tensor target = randint(0, classes, rows, random_key(3, "labels", step));
  const auto softmax_magnitude = [](const Tensor& v, std::int64_t along) {
    return softmax(v, along) * (max(v, along, true) - v + 1);
  };
  const auto log_softmax_magnitude = [](const Tensor& v, const Tensor& y) { return abs(v) + abs(v - y) + 1; };
  const auto loss = [&](const Tensor& v) { return cross_entropy(v, target); };
  judge_op(
      judge, "softmax", x, [&](const Tensor& v) { return softmax(v, dim); },
      [&](const Tensor& v, const Tensor&) { return softmax_magnitude(v, dim); });
  judge_op(
      judge, "log_softmax", x, [&](const Tensor& v) { return log_softmax(v, dim); }, log_softmax_magnitude);
  judge_op(judge, "cross_entropy", x, loss, [&](const Tensor& v, const Tensor&) {
    return nll_loss(-log_softmax_magnitude(v, log_softmax(v, 1)), target);
  });
  judge_op(
      judge, "cross_entropy gradient", x,
      [&](const Tensor& v) {
        const Tensor leaf = v.detach().requires_grad_();
        return grad(loss(leaf), {leaf})[0];
      },
      [&](const Tensor& v, const Tensor&) {
        return (softmax_magnitude(v, 1) + cast(one_hot(target, classes), f64)) / static_cast<double>(rows);
      });
}

void judge_pooling(Judge& judge, Dice& dice, int number) {
  const Shape shape = {dice(1, 3), dice(1, 5), dice(5, 20), dice(5, 40)};
  const auto step = static_cast<std::uint64_t>(number);
  const Tensor x = randn(shape, f32, random_key(2, "numbers", step));
  const Pair kernel{dice(1, 3), dice(1, 3)}, stride{dice(1, 3), dice(1, 3)};
  const Pair padding{dice(0, kernel.values[0] / 2), dice(0, kernel.values[1] / 2)}, dilation{dice(1, 2), dice(1, 2)};
  const bool ceil_mode = dice(0, 1) == 1, count_include_pad = dice(0, 1) == 1;
  const auto average = [&](const Tensor& v) {
    return avg_pool2d(v, kernel, {stride, padding, ceil_mode, count_include_pad});
  };
  const auto maximum = [&](const Tensor& v) { return max_pool2d(v, kernel, {stride, padding, dilation, ceil_mode}); };
  // The gradient is linear in that of y; x chooses the maxima.
  const auto gradient_of = [&](const auto& op) {
    return [&](const Tensor& g) {
      const Tensor leaf = cast(x, g.dtype()).requires_grad_();
      return grad(std::vector{op(leaf)}, {g}, {leaf})[0];
    };
  };
  const auto weights = [&](const Tensor& y) { return randn(y.shape(), f32, random_key(2, "weights", step)); };
  judge_sums(judge, "avg_pool2d", x, average);
  judge_sums(judge, "max_pool2d", x, maximum);
  judge_sums(judge, "avg_pool2d gradient", weights(average(x)), gradient_of(average));
  judge_sums(judge, "max_pool2d gradient", weights(maximum(x)), gradient_of(maximum));
}

void judge_all(int cases, bool talk) {
  Judge judge;
  Dice dice(11);
  for (int i = 0; i < cases; ++i) {
    judge_convolution(judge, dice, i);
    const std::int64_t most_rows = dice(0, 3) == 0 ? 4 : 70;
    judge_product(judge, dice, i, {dice(1, most_rows), dice(1, 70), dice(1, 600)});
    if (i % 20 == 0) judge_product(judge, dice, i, {dice(512, 600), dice(512, 600), dice(1, 2500)});
    judge_reductions(judge, dice, i);
    judge_softmax(judge, dice, i);
    judge_pooling(judge, dice, i);
  }
  judge.check(talk);
}

}  // namespace

TEST_CASE("f32 kernels keep their error bounds in 300 random cases") { judge_all(300, false); }

TEST_CASE("f32 kernels keep their error bounds in 10,000 random cases", "[.long]") { judge_all(10'000, true); }

}  // namespace ravel::testing
