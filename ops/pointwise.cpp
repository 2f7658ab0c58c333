#include "ravel/ops/pointwise.hpp"

#include <cmath>
#include <numbers>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/comparison.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/kernels/reduce.hpp"

namespace ravel {
namespace {

using kernels::map_floating;
using kernels::map_numeric;

// The gradient of a function that is constant between its jumps: zeros in the place of g.
Tensor no_slope(const Tensor& g) { return record("no_slope", zeros_like(g), Edge{g, no_slope}); }

// f of angles; f of double for f32 angles beyond what the kernels of float can reduce.
template <class F>
Tensor map_angles(const char* op, const Tensor& x, const F& f) {
  if (x.dtype() == f32) {
    const auto larger = [](float u, float v) { return std::abs(u) > std::abs(v) ? std::abs(u) : std::abs(v); };
    const Tensor largest = kernels::reduce<float>(x, wrap_dims({}, x.rank(), op), 0, larger);
    if (!(largest.item() < kernels::trigonometric_limit)) {
      return kernels::map<float>([f](float v) { return static_cast<float>(f(static_cast<double>(v))); }, x);
    }
  }
  return map_floating(op, f, x);
}

// The powers that need no logarithm are worth having without one.
template <class T>
Tensor power(const Tensor& x, T n) {
  if (n == T{2}) return kernels::map<T>([](T v) { return v * v; }, x);
  if (n == T{3}) return kernels::map<T>([](T v) { return v * v * v; }, x);
  if (n == T{1}) return kernels::map<T>([](T v) { return v; }, x);
  if (n == T{0.5}) return kernels::map<T>([](T v) { return std::sqrt(v); }, x);
  if (n == T{-0.5}) return kernels::map<T>([](T v) { return 1 / std::sqrt(v); }, x);
  if (n == T{-1}) return kernels::map<T>([](T v) { return 1 / v; }, x);
  return kernels::map<T>([n](T v) { return kernels::pow(v, n); }, x);
}

}  // namespace

Tensor exp(const Tensor& x) {
  return record("exp",
                map_floating(
                    "exp", [](auto v) { return kernels::exp(v); }, x),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * y; }});
}

Tensor expm1(const Tensor& x) {
  return record("expm1",
                map_floating(
                    "expm1", [](auto v) { return kernels::expm1(v); }, x),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * (y + 1); }});
}

Tensor log(const Tensor& x) {
  return record("log",
                map_floating(
                    "log", [](auto v) { return kernels::log(v); }, x),
                Edge{x, [x](const Tensor& g) { return g / x; }});
}

Tensor log1p(const Tensor& x) {
  return record("log1p",
                map_floating(
                    "log1p", [](auto v) { return kernels::log1p(v); }, x),
                Edge{x, [x](const Tensor& g) { return g / (x + 1); }});
}

Tensor log2(const Tensor& x) {
  return record("log2",
                map_floating(
                    "log2", [](auto v) { return kernels::log2(v); }, x),
                Edge{x, [x](const Tensor& g) { return g / (x * std::numbers::ln2); }});
}

Tensor sqrt(const Tensor& x) {
  return record("sqrt",
                map_floating(
                    "sqrt", [](auto v) { return std::sqrt(v); }, x),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g / (y * 2); }});
}

Tensor rsqrt(const Tensor& x) {
  return record("rsqrt",
                map_floating(
                    "rsqrt", [](auto v) { return 1 / std::sqrt(v); }, x),
                Edge{x, [](const Tensor& g, const Tensor& y) { return g * pow(y, 3) * -0.5; }});
}

Tensor square(const Tensor& x) {
  return record("square",
                map_numeric(
                    "square", [](auto v) { return v * v; }, x),
                Edge{x, [x](const Tensor& g) { return g * x * 2; }});
}

Tensor reciprocal(const Tensor& x) {
  return record("reciprocal",
                map_floating(
                    "reciprocal", [](auto v) { return 1 / v; }, x),
                Edge{x, [](const Tensor& g, const Tensor& y) { return -g * square(y); }});
}

Tensor pow(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("pow", x, y, [](const auto& u, const auto& v) { return pow(u, v); });
  const auto for_base = [x, y](const Tensor& g) { return where(y == 0, 0, g * y * pow(x, y - 1)); };
  const auto for_exponent = [x, y](const Tensor& g, const Tensor& z) {
    return where(logical_and(x == 0, y >= 0), 0, g * z * log(x));
  };
  return record("pow",
                map_floating(
                    "pow", [](auto u, auto v) { return kernels::pow(u, v); }, x, y),
                Edge{x, for_base}, Edge{y, for_exponent});
}

Tensor pow(const Tensor& x, double exponent) {
  const Tensor y = visit_floating(x.dtype(), "pow", [&]<class T>() { return power(x, static_cast<T>(exponent)); });
  return record("pow", y,
                Edge{x, [x, n = exponent](const Tensor& g) { return n == 0 ? no_slope(g) : g * pow(x, n - 1) * n; }});
}

Tensor pow(double base, const Tensor& y) {
  require(is_floating(y.dtype()), "pow: needs f32 or f64, got {}; use cast(x, f32)", y.dtype());
  return pow(full({}, base, y.dtype()), y);
}

Tensor abs(const Tensor& x) {
  return record("abs",
                map_numeric(
                    "abs", [](auto v) { return std::abs(v); }, x),
                Edge{x, [x](const Tensor& g) { return g * sign(x.detach()); }});
}

Tensor sign(const Tensor& x) {
  const auto f = [](auto v) { return static_cast<decltype(v)>(v > 0 ? 1 : (v < 0 ? -1 : 0)); };
  return record("sign", map_numeric("sign", f, x), Edge{x, no_slope});
}

Tensor floor(const Tensor& x) {
  return record("floor",
                map_floating(
                    "floor", [](auto v) { return std::floor(v); }, x),
                Edge{x, no_slope});
}

Tensor ceil(const Tensor& x) {
  return record("ceil",
                map_floating(
                    "ceil", [](auto v) { return std::ceil(v); }, x),
                Edge{x, no_slope});
}

Tensor round(const Tensor& x) {
  return record("round",
                map_floating(
                    "round", [](auto v) { return std::nearbyint(v); }, x),
                Edge{x, no_slope});
}

Tensor sin(const Tensor& x) {
  return record("sin", map_angles("sin", x, [](auto v) { return kernels::sin(v); }),
                Edge{x, [x](const Tensor& g) { return g * cos(x); }});
}

Tensor cos(const Tensor& x) {
  return record("cos", map_angles("cos", x, [](auto v) { return kernels::cos(v); }),
                Edge{x, [x](const Tensor& g) { return -g * sin(x); }});
}

Tensor erf(const Tensor& x) {
  return record("erf",
                map_floating(
                    "erf", [](auto v) { return kernels::erf(v); }, x),
                Edge{x, [x](const Tensor& g) { return g * exp(-square(x)) * (2 * std::numbers::inv_sqrtpi); }});
}

}  // namespace ravel
