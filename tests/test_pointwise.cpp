// Elementwise ops: values at special points, gradients at kinks, errors. Reference values are PyTorch's.
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "catch.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

constexpr float infinity = std::numeric_limits<float>::infinity(),
                not_a_number = std::numeric_limits<float>::quiet_NaN();

using Values = std::vector<float>;
using Unary = std::function<Tensor(const Tensor&)>;

// Are the elements those of `expected`, with NaN equal to NaN, 0 different from -0, and 1e-6 for the rest?
void check_values(const Tensor& x, const Values& expected) {
  const Values values = x.to_vector<float>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("element " << i << ": " << values[i] << ", expected " << expected[i]);
    const bool same = values[i] == expected[i] && std::signbit(values[i]) == std::signbit(expected[i]);
    const bool close = std::abs(values[i] - expected[i]) <= 1e-6 * std::abs(expected[i]) && expected[i] != 0;
    CHECK((same || close || (std::isnan(values[i]) && std::isnan(expected[i]))));
  }
}

Tensor gradient_of(const Unary& f, const Values& at) {
  const Tensor x = from_vector(at).requires_grad_();
  return grad(sum(f(x)), {x})[0];
}

std::vector<Tensor> gradients_of(const std::function<Tensor(const Tensor&, const Tensor&)>& f, const Values& a,
                                 const Values& b) {
  const Tensor x = from_vector(a).requires_grad_(), y = from_vector(b).requires_grad_();
  return grad(sum(f(x, y)), {x, y});
}

const Values special = {0.0F, -0.0F, infinity, -infinity, not_a_number};

}  // namespace

TEST_CASE("pointwise: values at 0, -0, the infinities and NaN", "[pointwise]") {
  const Tensor x = from_vector(special);
  check_values(exp(x), {1, 1, infinity, 0, not_a_number});
  check_values(expm1(x), {0, -0.0F, infinity, -1, not_a_number});
  check_values(log(x), {-infinity, -infinity, infinity, not_a_number, not_a_number});
  check_values(log1p(x), {0, -0.0F, infinity, not_a_number, not_a_number});
  check_values(log2(x), {-infinity, -infinity, infinity, not_a_number, not_a_number});
  check_values(sqrt(x), {0, -0.0F, infinity, not_a_number, not_a_number});
  check_values(rsqrt(x), {infinity, -infinity, 0, not_a_number, not_a_number});
  check_values(square(x), {0, 0, infinity, infinity, not_a_number});
  check_values(reciprocal(x), {infinity, -infinity, 0, -0.0F, not_a_number});
  check_values(abs(x), {0, 0, infinity, infinity, not_a_number});
  check_values(sign(x), {0, 0, 1, -1, 0});
  check_values(floor(x), {0, -0.0F, infinity, -infinity, not_a_number});
  check_values(ceil(x), {0, -0.0F, infinity, -infinity, not_a_number});
  check_values(round(x), {0, -0.0F, infinity, -infinity, not_a_number});
  check_values(sin(x), {0, -0.0F, not_a_number, not_a_number, not_a_number});
  check_values(cos(x), {1, 1, not_a_number, not_a_number, not_a_number});
  check_values(erf(x), {0, -0.0F, 1, -1, not_a_number});
}

TEST_CASE("pointwise: rounding goes to even, floor and ceil outward", "[pointwise]") {
  const Tensor x = from_vector(Values{0.5F, 1.5F, 2.5F, -0.5F, -1.2F});
  check_values(round(x), {0, 2, 2, -0.0F, -1});
  check_values(floor(x), {0, 1, 2, -1, -2});
  check_values(ceil(x), {1, 2, 3, -0.0F, -1});
}

TEST_CASE("pointwise: gradients at kinks and poles", "[pointwise]") {
  check_values(gradient_of(ravel::abs, {0, -0.0F, infinity, -infinity, not_a_number, 1, -1}), {0, 0, 1, -1, 0, 1, -1});
  check_values(gradient_of(ravel::sqrt, {0, -0.0F, infinity, 1}), {infinity, -infinity, 0, 0.5F});
  check_values(gradient_of(ravel::sign, special), {0, 0, 0, 0, 0});
  check_values(gradient_of(ravel::floor, special), {0, 0, 0, 0, 0});
}

TEST_CASE("pow: values and gradients at base 0 and exponent 0", "[pointwise]") {
  const Values x = {0, 0, 0, 0, 2, -2, not_a_number}, y = {0, 1, 2, -1, 0, 2, 0};
  check_values(pow(from_vector(x), from_vector(y)), {1, 0, 0, infinity, 1, 4, 1});
  const std::vector<Tensor> gradients = gradients_of([](const Tensor& a, const Tensor& b) { return pow(a, b); }, x, y);
  check_values(gradients[0], {0, 1, 0, -infinity, 0, -4, 0});
  check_values(gradients[1], {0, 0, 0, -infinity, 0.6931472F, not_a_number, not_a_number});
  check_values(gradient_of([](const Tensor& v) { return pow(v, 0); }, {0, 1, -2}), {0, 0, 0});
  check_values(gradient_of([](const Tensor& v) { return pow(v, 1); }, {0, 1, -2}), {1, 1, 1});
  check_values(gradient_of([](const Tensor& v) { return pow(v, 2); }, {0, 1, -2}), {0, 2, -4});
  check_values(gradient_of([](const Tensor& v) { return pow(v, 0.5); }, {0, 4}), {infinity, 0.25F});
  check_values(gradient_of([](const Tensor& v) { return pow(0, v); }, {0, 1, -1}), {0, 0, -infinity});
  check_values(pow(2, from_vector(Values{-1, 0, 3})), {0.5F, 1, 8});
}

TEST_CASE("pow: the special cases of the C standard", "[pointwise]") {
  const Values bases = {0.0F, -0.0F, 1, -1, infinity, -infinity, not_a_number, -8, 0.5F},
               exponents = {0, 1, -1, 3, -3, 2, -2, 0.5F, -0.5F, infinity, -infinity, not_a_number};
  for (const float base : bases) {
    for (const float exponent : exponents) {
      INFO(base << " to the power " << exponent);
      check_values(pow(from_vector(Values{base}), from_vector(Values{exponent})), {std::pow(base, exponent)});
    }
  }
}

TEST_CASE("sin and cos of large f32 angles", "[pointwise]") {
  const Tensor x = from_vector(Values{1e10F, -3e20F, 1.5F});
  check_values(sin(x), {std::sin(1e10F), std::sin(-3e20F), std::sin(1.5F)});
  check_values(cos(x), {std::cos(1e10F), std::cos(-3e20F), std::cos(1.5F)});
}

TEST_CASE("activations: values at special points", "[pointwise]") {
  const Tensor x = from_vector(special);
  check_values(tanh(x), {0, -0.0F, 1, -1, not_a_number});
  check_values(sigmoid(x), {0.5F, 0.5F, 1, 0, not_a_number});
  check_values(relu(x), {0, -0.0F, infinity, 0, not_a_number});
  check_values(leaky_relu(x), {0, -0.0F, infinity, -infinity, not_a_number});
  check_values(elu(x), {0, -0.0F, infinity, -1, not_a_number});
  check_values(softplus(x), {0.6931472F, 0.6931472F, infinity, 0, not_a_number});
  check_values(gelu(from_vector(Values{0, -0.0F, infinity, not_a_number})), {0, -0.0F, infinity, not_a_number});
  check_values(silu(from_vector(Values{0, -0.0F, infinity, not_a_number})), {0, -0.0F, infinity, not_a_number});
}

TEST_CASE("activations: values and gradients of PyTorch", "[pointwise]") {
  const std::vector<double> at = {-2, -0.5, 0, 0.5, 2};
  struct Reference {
    const char* name;
    Unary f;
    std::vector<double> values, gradients;
  };
  const std::vector<Reference> references = {
      {"gelu",
       [](const Tensor& x) { return gelu(x); },
       {-0.04550026389635842, -0.15426876936299344, 0, 0.34573123063700656, 1.9544997361036416},
       {-0.08523180335760117, 0.1325048804283142, 0.5, 0.8674951195716858, 1.0852317810058594}},
      {"gelu, by tanh",
       [](const Tensor& x) { return gelu(x, Approximate::tanh); },
       {-0.04540230591222494, -0.15428599017485606, 0, 0.34571400982514394, 1.954597694087775},
       {-0.08609925955533981, 0.1326300948858261, 0.5, 0.8673698902130127, 1.0860992670059204}},
      {"silu",
       silu,
       {-0.2384058440442351, -0.1887703343990727, 0, 0.3112296656009273, 1.7615941559557646},
       {-0.09078425168991089, 0.260038822889328, 0.5, 0.7399612069129944, 1.0907841920852661}},
      {"softplus",
       [](const Tensor& x) { return softplus(x); },
       {0.1269280110429725, 0.4740769841801067, 0.6931471805599453, 0.9740769841801067, 2.1269280110429727},
       {0.11920291930437088, 0.3775406777858734, 0.5, 0.622459352016449, 0.8807970881462097}},
      {"elu",
       [](const Tensor& x) { return elu(x); },
       {-0.8646647167633873, -0.3934693402873666, 0, 0.5, 2},
       {0.1353352814912796, 0.6065306663513184, 1, 1, 1}},
      {"leaky_relu",
       [](const Tensor& x) { return leaky_relu(x); },
       {-0.02, -0.005, 0, 0.5, 2},
       {0.01, 0.01, 0.01, 1, 1}},
  };
  for (const Reference& reference : references) {
    INFO(reference.name);
    const Tensor x = from_vector(at).requires_grad_(), y = reference.f(x);
    CHECK(allclose(y, from_vector(reference.values), 1e-12, 1e-14));
    CHECK(allclose(grad(sum(y), {x})[0], from_vector(reference.gradients), 1e-7, 1e-8));
  }
  CHECK(allclose(softplus(from_vector(std::vector<double>{3, 4, -1}), 2, 7),
                 from_vector(std::vector<double>{3.001237842568865, 4, 0.06346400552148625}), 1e-12));
}

TEST_CASE("f32 gelu and its gradient stay within their stated errors", "[pointwise]") {
  // x P(x) with the normal distribution function P; p is the density.
  const auto distribution = [](double x) { return 0.5 * std::erfc(-x * std::numbers::sqrt2 / 2); };
  const auto density = [](double x) { return std::numbers::inv_sqrtpi / std::numbers::sqrt2 * std::exp(-0.5 * x * x); };
  Values at;
  for (float x = -12; x < 12; x += 0x1p-13F) at.push_back(x);
  for (float x = 0x1p-30F; x < 0x1p-3F; x *= 1.03F) at.insert(at.end(), {x, -x});
  const Tensor x = from_vector(at).requires_grad_(), y = gelu(x), dx = grad(sum(y), {x})[0];
  const auto values = y.to_vector<float>(), gradients = dx.to_vector<float>();
  double positive = 0, negative = 0, of_gradient = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    REQUIRE((std::isfinite(values[i]) && std::isfinite(gradients[i])));
    const double v = at[i], exact = v * distribution(v), error = std::abs(static_cast<double>(values[i]) - exact);
    if (v > 0) positive = std::max(positive, error / std::ldexp(1.0, std::ilogb(exact) - 23));
    if (v < 0) negative = std::max(negative, error / -v * 0x1p24);
    const double slope = distribution(v) + v * density(v);
    of_gradient = std::max(of_gradient, std::abs(static_cast<double>(gradients[i]) - slope) * 0x1p24);
  }
  INFO(positive << " ulp, " << negative << " |x| 2^-24, gradient " << of_gradient << " 2^-24");
  CHECK(positive <= 3.1);
  CHECK(negative <= 2.5);
  CHECK(of_gradient <= 3.6);
}

TEST_CASE("relu: no gradient at 0, NaN passes", "[pointwise]") {
  check_values(gradient_of(ravel::relu, {0, -0.0F, infinity, -infinity, not_a_number, 1, -1}), {0, 0, 1, 0, 1, 1, 0});
}

TEST_CASE("each activation is one node, and so is its gradient", "[pointwise]") {
  for (const Unary& f :
       {Unary(ravel::tanh), Unary(ravel::sigmoid), Unary(ravel::relu), Unary(ravel::silu),
        Unary([](const Tensor& x) { return leaky_relu(x); }), Unary([](const Tensor& x) { return elu(x); }),
        Unary([](const Tensor& x) { return gelu(x); }), Unary([](const Tensor& x) { return softplus(x); }),
        Unary([](const Tensor& x) { return dropout(x); })}) {
    const Tensor x = ones({3}).requires_grad_(), g = ones({3}).requires_grad_(), y = f(x);
    CHECK(y.source().node->depth() == 1);
    const Tensor backward = grad({y}, {g}, {x}, {.create_graph = true})[0];
    INFO(y.source().node->op());
    CHECK(backward.source().node->depth() <= 2);
  }
}

TEST_CASE("elementwise: a row beside matrices and rows of a wider matrix, in shares that end within rows",
          "[pointwise]") {
  constexpr std::int64_t rows = 123, columns = 700, width = 900, first = 100;
  const Tensor matrix = reshape(arange(0, rows * columns, 1, f32), {rows, columns});
  const Tensor wide = reshape(arange(0, rows * width, 1, f32), {rows, width});
  const Tensor part = narrow(wide, 1, first, columns), row = arange(0, columns, 1, f32), mask = row < 300;
  const int before = threads();
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    const Values beside_row = (matrix - row).to_vector<float>(), row_first = (row - part).to_vector<float>(),
                 both = (part - matrix).to_vector<float>(), chosen = where(mask, matrix, part).to_vector<float>();
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const auto m = static_cast<float>(i), p = static_cast<float>(i / columns * width + first + i % columns),
                 r = static_cast<float>(i % columns);
      const auto at = static_cast<std::size_t>(i);
      const bool right = beside_row[at] == m - r && row_first[at] == r - p && both[at] == p - m;
      wrong += !right || chosen[at] != (r < 300 ? m : p);
    }
    CHECK(wrong == 0);
  }
  set_threads(before);
}

TEST_CASE("pointwise: errors", "[pointwise]") {
  CHECK(error_of([] { ones({2, 3}) + ones(4); }) == "add: shapes (2, 3) and (4,) do not broadcast");
  CHECK(error_of([] { pow(ones(3), ones({5, 2})); }) == "pow: shapes (3,) and (5, 2) do not broadcast");
  const Tensor integers = arange(3);
  CHECK(error_of([&] { exp(integers); }) == "exp: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] { tanh(integers); }) == "tanh: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] { pow(integers, 2); }) == "pow: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] { sin(integers); }) == "sin: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([&] { dropout(integers); }) == "dropout: needs f32 or f64, got i64; use cast(x, f32)");
}

TEST_CASE("abs, sign and square of integers", "[pointwise]") {
  const Tensor x = tensor({-3, 0, 2});
  CHECK(equal(abs(x), tensor({3, 0, 2})));
  CHECK(equal(sign(x), tensor({-1, 0, 1})));
  CHECK(equal(square(x), tensor({9, 0, 4})));
}
