#include "ravel/ops/loss.hpp"

#include <cmath>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

using kernels::map_floating;

void require_same_shape(const char* op, const Tensor& x, const Tensor& target) {
  require(x.shape() == target.shape(), "{}: the input has shape {} and the target {}; use reshape() or expand()", op,
          x.shape(), target.shape());
}

Tensor reduced(const Tensor& losses, const Tensor& weight, Reduction reduction) {
  const Tensor weighted = weight.defined() ? losses * weight : losses;
  if (reduction == Reduction::none) return weighted;
  return reduction == Reduction::sum ? sum(weighted) : mean(weighted);
}

// log(1 + exp(-|v|)) + max(-v, 0), which is -log(sigmoid(v)) without overflow.
constexpr auto negative_log_sigmoid = [](auto v) {
  const auto magnitude = v < 0 ? -v : v;
  return kernels::math::log1p(kernels::math::exp(-magnitude)) + (v < 0 ? magnitude : 0);
};

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape("mse_loss", x, target);
  const Tensor losses = record("mse_loss",
                               map_floating(
                                   "mse_loss", [](auto u, auto v) { return (u - v) * (u - v); }, x, target),
                               Edge{x, [x, target](const Tensor& g) { return g * (x - target) * 2; }},
                               Edge{target, [x, target](const Tensor& g) { return g * (target - x) * 2; }});
  return reduced(losses, {}, reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape("l1_loss", x, target);
  const auto side = [x = x.detach(), target = target.detach()] {
    return map_floating(
        "l1_loss", [](auto u, auto v) { return decltype(u)(u > v) - decltype(u)(u < v); }, x, target);
  };
  const auto distance = [](auto u, auto v) { return u < v ? v - u : u - v; };
  const Tensor losses = record("l1_loss", map_floating("l1_loss", distance, x, target),
                               Edge{x, [side](const Tensor& g) { return g * side(); }},
                               Edge{target, [side](const Tensor& g) { return -g * side(); }});
  return reduced(losses, {}, reduction);
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BceOptions& options) {
  const char* const op = "binary_cross_entropy";
  require_same_shape(op, x, target);
  const Tensor outside = visit_floating(
      x.dtype(), op, [&]<class T>() { return kernels::map<T>([](T v) { return !(v >= 0 && v <= 1); }, x.detach()); });
  require(!any(outside).item(), "{}: an input is not in [0, 1]; use binary_cross_entropy_with_logits for logits", op);
  const auto f = [](auto v, auto t) {
    const auto yes = std::max(kernels::math::log(v), decltype(v)(-100));
    const auto no = std::max(kernels::math::log1p(-v), decltype(v)(-100));
    return -(t * yes + (1 - t) * no);
  };
  const auto pull = [x, target](const Tensor& g) {
    const Tensor variance = x * (1 - x);
    const auto missing = [](auto v) { return v < 1e-12 ? decltype(v)(1e-12) - v : decltype(v)(0); };
    return g * (x - target) / (variance + map_floating("max", missing, variance.detach()));
  };
  const Tensor losses = record(op, map_floating(op, f, x, target), Edge{x, pull},
                               Edge{target, [x](const Tensor& g) { return g * (log(1 - x) - log(x)); }});
  return reduced(losses, options.weight, options.reduction);
}

namespace {

// (1 - target) x - log(sigmoid(x)), the loss without weights.
Tensor logistic_loss(const Tensor& x, const Tensor& target) {
  const char* const op = "binary_cross_entropy_with_logits";
  const auto f = [](auto v, auto t) { return (1 - t) * v + negative_log_sigmoid(v); };
  return record(op, map_floating(op, f, x, target),
                Edge{x, [x, target](const Tensor& g) { return g * (sigmoid(x) - target); }},
                Edge{target, [x](const Tensor& g) { return -g * x; }});
}

}  // namespace

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const BceWithLogitsOptions& options) {
  require_same_shape("binary_cross_entropy_with_logits", x, target);
  if (!options.pos_weight.defined()) return reduced(logistic_loss(x, target), options.weight, options.reduction);
  // With the target 1 the loss is -log(sigmoid(x)).
  const Tensor positive = target * (options.pos_weight - 1) + 1;
  const Tensor losses = (1 - target) * x + positive * logistic_loss(x, ones_like(x));
  return reduced(losses, options.weight, options.reduction);
}

}  // namespace ravel
