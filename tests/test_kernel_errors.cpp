// The rounding errors of the f32 kernels over random shapes: against the same kernels in f64, which for some of the
// cases are themselves compared with the definition.
#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <map>

#include "catch.hpp"
#include "kernel_cases.hpp"
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
    {"sum", {2.5e-7, 1e-6}},
    {"mean", {2.5e-7, 1e-6}},
    {"avg_pool2d", {2.5e-7, 1e-6}},
    {"max_pool2d", {0, 0}},
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
      if (!std::isfinite(got[i])) FAIL(kind << " of " << shape << " has " << got[i] << " at " << i);
      const double error = std::abs(static_cast<double>(got[i]) - exact[i]);
      if (!(error <= errors.of_products * magnitude[i])) errors.of_products = error / magnitude[i];
      if (!(error <= largest)) largest = error;
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

// A shape that is not empty. A third are 3x3 filters with stride 1 and 16 channels or more, a sixth are products (1x1).
ConvShape random_conv_shape(Dice& dice) {
  const std::int64_t way = dice(0, 5);
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
  const std::int64_t rows = way == 2 ? 1 : dice(1, 14), kernel_rows = way == 2 ? 1 : dice(1, 5);
  const std::array<std::int64_t, 2> sizes = {dice(1, 4), dice(1, 4)}, channels = {dice(1, 20), dice(1, 20)},
                                    in = {rows, dice(1, way == 2 ? 120 : 30)}, kernel = {kernel_rows, dice(1, 5)},
                                    stride = {dice(1, 3), dice(1, 3)}, padding = {dice(0, 3), dice(0, 3)},
                                    dilation = {dice(1, 3), dice(1, 3)};
  return conv_shape(sizes[0], sizes[1], channels[0], channels[1], in, kernel, stride, padding, dilation);
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

void judge_product(Judge& judge, Dice& dice, int number) {
  const bool thin = dice(0, 3) == 0;
  const std::array<std::int64_t, 3> size = {dice(1, thin ? 4 : 70), dice(1, 70), dice(1, 600)};
  const std::array<bool, 2> transposed = {dice(0, 1) == 1, dice(0, 1) == 1};
  const auto seed = static_cast<std::uint32_t>(2 * number);
  const std::vector<float> a = random_numbers<float>(size[0] * size[2], seed),
                           b = random_numbers<float>(size[2] * size[1], seed + 1);
  const auto in = [&](const auto& left, const auto& right) {
    return product(size, transposed[0], transposed[1], left, right);
  };
  judge.compare(fmt::format("gemm {}{}", transposed[0] ? 't' : 'n', transposed[1] ? 't' : 'n'),
                fmt::format("{} x {} x {}", size[0], size[1], size[2]), in(a, b), in(widened(a), widened(b)),
                in(magnitudes(a), magnitudes(b)));
}

// An op in f32 against itself in f64; `magnitude` of the absolute values.
template <class F>
void judge_op(Judge& judge, const std::string& kind, const Tensor& x, const F& op) {
  const Tensor wide = cast(x, f64);
  judge.compare(kind, to_string(x.shape()), op(x).template to_vector<float>(), op(wide).template to_vector<double>(),
                op(abs(wide)).template to_vector<double>());
}

void judge_reductions(Judge& judge, Dice& dice, int number) {
  const Shape shape = {dice(1, 40), dice(1, 40), dice(1, 40)};
  Dims dims;
  for (int dim = 0; dim < 3; ++dim) {
    if (dice(0, 1) == 1) dims.push_back(dim);
  }
  const int last = static_cast<int>(dice(0, 2));
  const Tensor x = transpose(randn(shape, f32, random_key(1, "numbers", static_cast<std::uint64_t>(number))), last, 2);
  judge_op(judge, "sum", x, [&](const Tensor& v) { return sum(v, dims); });
  judge_op(judge, "mean", x, [&](const Tensor& v) { return mean(v, dims); });
}

void judge_pooling(Judge& judge, Dice& dice, int number) {
  const Shape shape = {dice(1, 3), dice(1, 5), dice(3, 20), dice(3, 40)};
  const Tensor x = randn(shape, f32, random_key(2, "numbers", static_cast<std::uint64_t>(number)));
  const Pair kernel{dice(1, 3), dice(1, 3)}, stride{dice(1, 3), dice(1, 3)};
  judge_op(judge, "avg_pool2d", x, [&](const Tensor& v) { return avg_pool2d(v, kernel, {.stride = stride}); });
  judge_op(judge, "max_pool2d", x, [&](const Tensor& v) { return max_pool2d(v, kernel, {.stride = stride}); });
}

void judge_all(int cases, bool talk) {
  Judge judge;
  Dice dice(11);
  for (int i = 0; i < cases; ++i) {
    judge_convolution(judge, dice, i);
    judge_product(judge, dice, i);
    judge_reductions(judge, dice, i);
    judge_pooling(judge, dice, i);
  }
  judge.check(talk);
}

}  // namespace

TEST_CASE("f32 kernels keep their error bounds in 300 random cases") { judge_all(300, false); }

TEST_CASE("f32 kernels keep their error bounds in 10,000 random cases", "[.long]") { judge_all(10'000, true); }

}  // namespace ravel::testing
