// The elementary functions of ops/kernels/math.hpp against the C library's of double: the errors that their comments
// state, on a sample of all floats (every float with the environment variable RAVEL_EVERY_FLOAT).
#include "ravel/ops/kernels/math.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "catch.hpp"

namespace {

using namespace ravel;

// The distance of floats at `exact`; the smallest one below the normal numbers.
double ulp_at(double exact) { return std::ldexp(1.0, std::max(std::ilogb(exact == 0 ? 1e-300 : exact), -126) - 23); }

// The error of `y` in ulp; infinite where an infinity, a NaN or the sign of zero is wrong.
double error_in_ulp(float y, double exact) {
  const auto rounded = static_cast<float>(exact);
  if (std::isnan(rounded)) return std::isnan(y) ? 0 : HUGE_VAL;
  if (std::isnan(y) || std::signbit(y) != std::signbit(rounded)) return HUGE_VAL;
  if (std::isinf(rounded) || std::isinf(y)) return y == rounded ? 0 : HUGE_VAL;
  return std::abs(static_cast<double>(y) - exact) / ulp_at(exact);
}

// The worst error of f over the floats of magnitude below `limit` and the infinities and NaN.
template <class F, class Exact>
void check_ulp(const char* name, double bound, const F& f, const Exact& exact, float limit = HUGE_VALF) {
  const std::uint32_t stride = std::getenv("RAVEL_EVERY_FLOAT") != nullptr ? 1 : 10007;
  double worst = 0;
  float at = 0;
  const auto try_one = [&](float x) {
    const double error = error_in_ulp(f(x), exact(static_cast<double>(x)));
    if (error <= worst) return;
    worst = error;
    at = x;
  };
  for (std::uint64_t bits = 0; bits < 0x1'0000'0000; bits += stride) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!(std::abs(x) >= limit)) try_one(x);
  }
  for (const float x : {0.0F, -0.0F, 1.0F, -1.0F, 0x1p-149F, -0x1p-149F, HUGE_VALF, -HUGE_VALF, NAN}) try_one(x);
  INFO(name << ": " << worst << " ulp at " << at);
  CHECK(worst <= bound);
  CHECK(worst > 0.45);  // a function that is never off was not tried
}

double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double exact_softplus(double x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

TEST_CASE("the f32 functions stay within their stated errors", "[math]") {
  using Double = double (*)(double);
  check_ulp(
      "exp", 1.1, [](float x) { return kernels::exp(x); }, Double(std::exp));
  check_ulp(
      "expm1", 1.9, [](float x) { return kernels::expm1(x); }, Double(std::expm1));
  check_ulp(
      "log", 0.9, [](float x) { return kernels::log(x); }, Double(std::log));
  check_ulp(
      "log1p", 1.0, [](float x) { return kernels::log1p(x); }, Double(std::log1p));
  check_ulp(
      "log2", 1.9, [](float x) { return kernels::log2(x); }, Double(std::log2));
  check_ulp(
      "tanh", 2.7, [](float x) { return kernels::tanh(x); }, Double(std::tanh));
  check_ulp(
      "sigmoid", 2.5, [](float x) { return kernels::sigmoid(x); }, exact_sigmoid);
  check_ulp(
      "softplus", 1.7, [](float x) { return kernels::softplus(x); }, exact_softplus);
  check_ulp(
      "erf", 7.0, [](float x) { return kernels::erf(x); }, Double(std::erf));
  check_ulp(
      "sin", 1.7, [](float x) { return kernels::sin(x); }, Double(std::sin), kernels::trigonometric_limit);
  check_ulp(
      "cos", 1.7, [](float x) { return kernels::cos(x); }, Double(std::cos), kernels::trigonometric_limit);
  for (const float y : {-37.5F, -2.0F, -0.3F, 0.7F, 5.0F, 100.0F}) {
    check_ulp(
        "pow", 0.6, [y](float x) { return kernels::pow(x, y); }, [y](double x) { return std::pow(x, y); });
  }
  for (const float x : {1e-40F, 0.1F, 0.99999F, 1.00001F, 3.0F}) {
    check_ulp(
        "pow", 0.6, [x](float y) { return kernels::pow(x, y); }, [x](double y) { return std::pow(x, y); });
  }
}

TEST_CASE("tanh and erf stay within -1 and 1", "[math]") {
  for (float x = 0; x < 12; x += 0x1p-12F) {
    if (!(kernels::tanh(x) <= 1 && kernels::erf(x) <= 1)) FAIL("beyond 1 at " << x);
  }
}
