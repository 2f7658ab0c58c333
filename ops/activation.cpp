#include "ravel/ops/activation.hpp"

#include <cmath>
#include <numbers>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/comparison.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/pointwise.hpp"

namespace ravel {
namespace {

using kernels::map_floating;
using kernels::map_gradient;
using kernels::map_reusing;

constexpr double sqrt_half = 1 / std::numbers::sqrt2;
constexpr double inv_sqrt_2pi = std::numbers::inv_sqrtpi * sqrt_half;
// gelu's tanh form: P(x) = (1 + tanh(inner)) / 2 with inner = slope (x + cubic x^3).
constexpr double gelu_slope = 2 * inv_sqrt_2pi, gelu_cubic = 0.044715;

// P(x) and its derivative p(x), the normal distribution function and density, or what approximates them.
template <class T>
struct Normal {
  T distribution, density;
};
template <class T>
[[gnu::always_inline]] inline Normal<T> normal(T x) {
  return {T{0.5} * (1 + kernels::erf(x * T(sqrt_half))), T(inv_sqrt_2pi) * kernels::exp(T{-0.5} * (x * x))};
}
template <class T>
[[gnu::always_inline]] inline Normal<T> normal_by_tanh(T x) {
  const T squared = x * x, y = kernels::tanh(T(gelu_slope) * (x * (1 + T(gelu_cubic) * squared)));
  const T inner_slope = T(gelu_slope) * (1 + T(3 * gelu_cubic) * squared);
  return {T{0.5} * (1 + y), T{0.5} * ((1 - y * y) * inner_slope)};
}

// The second derivative of gelu, 2 p(x) + x p'(x).
Tensor gelu_curvature(const Tensor& x, Approximate approximate) {
  const Tensor squared = square(x);
  if (approximate == Approximate::none) return exp(squared * -0.5) * (2 - squared) * inv_sqrt_2pi;
  const Tensor y = tanh(x * (squared * gelu_cubic + 1) * gelu_slope);
  const Tensor inner_slope = (squared * (3 * gelu_cubic) + 1) * gelu_slope,
               inner_curvature = x * (6 * gelu_cubic * gelu_slope);
  return (1 - square(y)) * (inner_slope + x * (inner_curvature * 0.5 - y * square(inner_slope)));
}

}  // namespace

Tensor tanh(Tensor x) {
  const auto f = [](auto v) { return kernels::tanh(v); };
  return record("tanh", map_reusing("tanh", f, x), Edge{x, tanh_backward});
}

Tensor tanh_backward(Tensor g, const Tensor& y) {
  const auto f = [](auto h, auto v) { return h * (1 - v * v); };
  Tensor result = map_gradient("tanh_backward", f, g, y);
  return record("tanh_backward", std::move(result), Edge{g, [y](Tensor h) { return tanh_backward(std::move(h), y); }},
                Edge{y, [g, y](const Tensor& h) { return h * g * y * -2; }});
}

Tensor sigmoid(Tensor x) {
  const auto f = [](auto v) { return kernels::sigmoid(v); };
  return record("sigmoid", map_reusing("sigmoid", f, x), Edge{x, sigmoid_backward});
}

Tensor sigmoid_backward(Tensor g, const Tensor& y) {
  const auto f = [](auto h, auto v) { return h * (v * (1 - v)); };
  Tensor result = map_gradient("sigmoid_backward", f, g, y);
  return record("sigmoid_backward", std::move(result),
                Edge{g, [y](Tensor h) { return sigmoid_backward(std::move(h), y); }},
                Edge{y, [g, y](const Tensor& h) { return h * g * (1 - y * 2); }});
}

Tensor relu(Tensor x) {
  const auto f = [](auto v) { return v < 0 ? 0 : v; };
  return record("relu", map_reusing("relu", f, x), Edge{x, relu_backward});
}

Tensor record_relu(const Tensor& y) { return record("relu", y.detach(), Edge{y, relu_backward}); }

Tensor relu_backward(Tensor g, const Tensor& y) {
  const auto f = [](auto h, auto v) { return v <= 0 ? 0 : h; };
  Tensor result = map_gradient("relu_backward", f, g, y);
  return record("relu_backward", std::move(result), Edge{g, [y](Tensor h) { return relu_backward(std::move(h), y); }});
}

Tensor leaky_relu(const Tensor& x, double slope) {
  const auto f = [slope](auto v) { return v > 0 ? v : v * static_cast<decltype(v)>(slope); };
  return record("leaky_relu", map_floating("leaky_relu", f, x),
                Edge{x, [x, slope](Tensor g) { return leaky_relu_backward(std::move(g), x, slope); }});
}

Tensor leaky_relu_backward(Tensor g, const Tensor& x, double slope) {
  const auto f = [slope](auto h, auto v) { return v > 0 ? h : h * static_cast<decltype(h)>(slope); };
  Tensor result = map_gradient("leaky_relu_backward", f, g, x);
  return record("leaky_relu_backward", std::move(result),
                Edge{g, [x, slope](Tensor h) { return leaky_relu_backward(std::move(h), x, slope); }});
}

Tensor elu(const Tensor& x, double alpha) {
  const auto f = [alpha](auto v) { return v > 0 ? v : kernels::expm1(v) * static_cast<decltype(v)>(alpha); };
  return record("elu", map_floating("elu", f, x),
                Edge{x, [x, alpha](Tensor g) { return elu_backward(std::move(g), x, alpha); }});
}

Tensor elu_backward(Tensor g, const Tensor& x, double alpha) {
  const auto f = [alpha](auto h, auto v) {
    return v > 0 ? h : h * (kernels::exp(v) * static_cast<decltype(h)>(alpha));
  };
  Tensor result = map_gradient("elu_backward", f, g, x);
  return record(
      "elu_backward", std::move(result), Edge{g, [x, alpha](Tensor h) { return elu_backward(std::move(h), x, alpha); }},
      // The clamp keeps the branch that is not taken finite.
      Edge{x, [g, x, alpha](const Tensor& h) { return where(x > 0, 0, h * g * exp(clamp(x, {.max = 0})) * alpha); }});
}

Tensor gelu(const Tensor& x, Approximate approximate) {
  const Tensor y = approximate == Approximate::none
                       ? map_floating(
                             "gelu", [](auto v) { return v * normal(v).distribution; }, x)
                       : map_floating(
                             "gelu", [](auto v) { return v * normal_by_tanh(v).distribution; }, x);
  return record("gelu", y, Edge{x, [x, approximate](Tensor g) { return gelu_backward(std::move(g), x, approximate); }});
}

Tensor gelu_backward(Tensor g, const Tensor& x, Approximate approximate) {
  const auto product = [](auto h, auto v, auto n) { return h * (n.distribution + v * n.density); };
  const auto exact = [product](auto h, auto v) { return product(h, v, normal(v)); };
  const auto by_tanh = [product](auto h, auto v) { return product(h, v, normal_by_tanh(v)); };
  Tensor result = approximate == Approximate::none ? map_gradient("gelu_backward", exact, g, x)
                                                   : map_gradient("gelu_backward", by_tanh, g, x);
  return record("gelu_backward", std::move(result),
                Edge{g, [x, approximate](Tensor h) { return gelu_backward(std::move(h), x, approximate); }},
                Edge{x, [g, x, approximate](const Tensor& h) { return h * g * gelu_curvature(x, approximate); }});
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  const auto f = [beta, threshold](auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? v : kernels::softplus(z) / static_cast<T>(beta);
  };
  return record(
      "softplus", map_floating("softplus", f, x),
      Edge{x, [x, beta, threshold](Tensor g) { return softplus_backward(std::move(g), x, beta, threshold); }});
}

Tensor softplus_backward(Tensor g, const Tensor& x, double beta, double threshold) {
  const auto f = [beta, threshold](auto h, auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? h : h * kernels::sigmoid(z);
  };
  const auto for_x = [g, x, beta, threshold](const Tensor& h) {
    const Tensor s = sigmoid(x * beta);
    return where(x * beta > threshold, 0, h * g * (s * (1 - s)) * beta);
  };
  Tensor result = map_gradient("softplus_backward", f, g, x);
  return record("softplus_backward", std::move(result),
                Edge{g, [x, beta, threshold](Tensor h) { return softplus_backward(std::move(h), x, beta, threshold); }},
                Edge{x, for_x});
}

Tensor log_sigmoid(const Tensor& x) {
  const auto f = [](auto v) { return -kernels::softplus(-v); };
  return record("log_sigmoid", map_floating("log_sigmoid", f, x),
                Edge{x, [x](const Tensor& g) { return g * sigmoid(-x); }});
}

Tensor silu(const Tensor& x) {
  return record("silu",
                map_floating(
                    "silu", [](auto v) { return v * kernels::sigmoid(v); }, x),
                Edge{x, [x](Tensor g) { return silu_backward(std::move(g), x); }});
}

Tensor silu_backward(Tensor g, const Tensor& x) {
  const auto f = [](auto h, auto v) {
    const auto s = kernels::sigmoid(v);
    return h * (s * (1 + v * (1 - s)));
  };
  const auto for_x = [g, x](const Tensor& h) {
    const Tensor s = sigmoid(x);
    return h * g * (s * (1 - s)) * (x * (1 - s * 2) + 2);
  };
  Tensor result = map_gradient("silu_backward", f, g, x);
  return record("silu_backward", std::move(result), Edge{g, [x](Tensor h) { return silu_backward(std::move(h), x); }},
                Edge{x, for_x});
}

}  // namespace ravel
