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

Tensor tanh(const Tensor& x) {
  return record("tanh",
                map_floating(
                    "tanh", [](auto v) { return kernels::tanh(v); }, x),
                Edge{x, tanh_backward});
}

Tensor tanh_backward(const Tensor& g, const Tensor& y) {
  return record("tanh_backward",
                map_floating(
                    "tanh_backward", [](auto h, auto v) { return h * (1 - v * v); }, g, y),
                Edge{g, [y](const Tensor& h) { return tanh_backward(h, y); }},
                Edge{y, [g, y](const Tensor& h) { return h * g * y * -2; }});
}

Tensor sigmoid(const Tensor& x) {
  return record("sigmoid",
                map_floating(
                    "sigmoid", [](auto v) { return kernels::sigmoid(v); }, x),
                Edge{x, sigmoid_backward});
}

Tensor sigmoid_backward(const Tensor& g, const Tensor& y) {
  return record("sigmoid_backward",
                map_floating(
                    "sigmoid_backward", [](auto h, auto v) { return h * (v * (1 - v)); }, g, y),
                Edge{g, [y](const Tensor& h) { return sigmoid_backward(h, y); }},
                Edge{y, [g, y](const Tensor& h) { return h * g * (1 - y * 2); }});
}

Tensor relu(const Tensor& x) {
  return record("relu",
                map_floating(
                    "relu", [](auto v) { return v < 0 ? 0 : v; }, x),
                Edge{x, relu_backward});
}

Tensor relu_backward(const Tensor& g, const Tensor& y) {
  return record("relu_backward",
                map_floating(
                    "relu_backward", [](auto h, auto v) { return v <= 0 ? 0 : h; }, g, y),
                Edge{g, [y](const Tensor& h) { return relu_backward(h, y); }});
}

Tensor leaky_relu(const Tensor& x, double slope) {
  const auto f = [slope](auto v) { return v > 0 ? v : v * static_cast<decltype(v)>(slope); };
  return record("leaky_relu", map_floating("leaky_relu", f, x),
                Edge{x, [x, slope](const Tensor& g) { return leaky_relu_backward(g, x, slope); }});
}

Tensor leaky_relu_backward(const Tensor& g, const Tensor& x, double slope) {
  const auto f = [slope](auto h, auto v) { return v > 0 ? h : h * static_cast<decltype(h)>(slope); };
  return record("leaky_relu_backward", map_floating("leaky_relu_backward", f, g, x),
                Edge{g, [x, slope](const Tensor& h) { return leaky_relu_backward(h, x, slope); }});
}

Tensor elu(const Tensor& x, double alpha) {
  const auto f = [alpha](auto v) { return v > 0 ? v : kernels::expm1(v) * static_cast<decltype(v)>(alpha); };
  return record("elu", map_floating("elu", f, x),
                Edge{x, [x, alpha](const Tensor& g) { return elu_backward(g, x, alpha); }});
}

Tensor elu_backward(const Tensor& g, const Tensor& x, double alpha) {
  const auto f = [alpha](auto h, auto v) {
    return v > 0 ? h : h * (kernels::exp(v) * static_cast<decltype(h)>(alpha));
  };
  return record(
      "elu_backward", map_floating("elu_backward", f, g, x),
      Edge{g, [x, alpha](const Tensor& h) { return elu_backward(h, x, alpha); }},
      // The clamp keeps the branch that is not taken finite.
      Edge{x, [g, x, alpha](const Tensor& h) { return where(x > 0, 0, h * g * exp(clamp(x, {.max = 0})) * alpha); }});
}

Tensor gelu(const Tensor& x, Approximate approximate) {
  const Tensor y = approximate == Approximate::none
                       ? map_floating(
                             "gelu", [](auto v) { return v * normal(v).distribution; }, x)
                       : map_floating(
                             "gelu", [](auto v) { return v * normal_by_tanh(v).distribution; }, x);
  return record("gelu", y, Edge{x, [x, approximate](const Tensor& g) { return gelu_backward(g, x, approximate); }});
}

Tensor gelu_backward(const Tensor& g, const Tensor& x, Approximate approximate) {
  const auto product = [](auto h, auto v, auto n) { return h * (n.distribution + v * n.density); };
  const auto exact = [product](auto h, auto v) { return product(h, v, normal(v)); };
  const auto by_tanh = [product](auto h, auto v) { return product(h, v, normal_by_tanh(v)); };
  const Tensor result = approximate == Approximate::none ? map_floating("gelu_backward", exact, g, x)
                                                         : map_floating("gelu_backward", by_tanh, g, x);
  return record("gelu_backward", result,
                Edge{g, [x, approximate](const Tensor& h) { return gelu_backward(h, x, approximate); }},
                Edge{x, [g, x, approximate](const Tensor& h) { return h * g * gelu_curvature(x, approximate); }});
}

Tensor softplus(const Tensor& x, double beta, double threshold) {
  const auto f = [beta, threshold](auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? v : kernels::softplus(z) / static_cast<T>(beta);
  };
  return record("softplus", map_floating("softplus", f, x),
                Edge{x, [x, beta, threshold](const Tensor& g) { return softplus_backward(g, x, beta, threshold); }});
}

Tensor softplus_backward(const Tensor& g, const Tensor& x, double beta, double threshold) {
  const auto f = [beta, threshold](auto h, auto v) {
    using T = decltype(v);
    const T z = v * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? h : h * kernels::sigmoid(z);
  };
  const auto for_x = [g, x, beta, threshold](const Tensor& h) {
    const Tensor s = sigmoid(x * beta);
    return where(x * beta > threshold, 0, h * g * (s * (1 - s)) * beta);
  };
  return record("softplus_backward", map_floating("softplus_backward", f, g, x),
                Edge{g, [x, beta, threshold](const Tensor& h) { return softplus_backward(h, x, beta, threshold); }},
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
                Edge{x, [x](const Tensor& g) { return silu_backward(g, x); }});
}

Tensor silu_backward(const Tensor& g, const Tensor& x) {
  const auto f = [](auto h, auto v) {
    const auto s = kernels::sigmoid(v);
    return h * (s * (1 + v * (1 - s)));
  };
  const auto for_x = [g, x](const Tensor& h) {
    const Tensor s = sigmoid(x);
    return h * g * (s * (1 - s)) * (x * (1 - s * 2) + 2);
  };
  return record("silu_backward", map_floating("silu_backward", f, g, x),
                Edge{g, [x](const Tensor& h) { return silu_backward(h, x); }}, Edge{x, for_x});
}

}  // namespace ravel
