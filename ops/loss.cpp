#include "ravel/ops/loss.hpp"

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/comparison.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/reduction.hpp"

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

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape("mse_loss", x, target);
  const auto f = [](auto u, auto v) { return (u - v) * (u - v); };
  const Tensor losses = record("mse_loss", map_floating("mse_loss", f, x, target),
                               Edge{x, [x, target](const Tensor& g) { return g * (x - target) * 2; }},
                               Edge{target, [x, target](const Tensor& g) { return g * (target - x) * 2; }});
  return reduced(losses, {}, reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  require_same_shape("l1_loss", x, target);
  const auto f = [](auto u, auto v) { return u < v ? v - u : u - v; };
  // The sign is constant almost everywhere: no graph leads through it.
  const auto side = [x = x.detach(), target = target.detach()] { return sign(x - target); };
  const Tensor losses =
      record("l1_loss", map_floating("l1_loss", f, x, target), Edge{x, [side](const Tensor& g) { return g * side(); }},
             Edge{target, [side](const Tensor& g) { return -g * side(); }});
  return reduced(losses, {}, reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberOptions& options) {
  require_same_shape("huber_loss", x, target);
  const double delta = options.delta;
  require(delta > 0, "huber_loss: delta is {}; use a positive one", delta);
  const auto f = [delta](auto u, auto v) {
    using T = decltype(u);
    const T distance = u < v ? v - u : u - v, limit = static_cast<T>(delta);
    return distance < limit ? distance * distance / 2 : limit * (distance - limit / 2);
  };
  const auto pull_x = [x, target, delta](const Tensor& g) { return g * clamp(x - target, -delta, delta); };
  const auto pull_target = [x, target, delta](const Tensor& g) { return g * clamp(target - x, -delta, delta); };
  const Tensor losses =
      record("huber_loss", map_floating("huber_loss", f, x, target), Edge{x, pull_x}, Edge{target, pull_target});
  return reduced(losses, {}, options.reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1Options& options) {
  require(options.beta >= 0, "smooth_l1_loss: beta is {}; use 0 or more", options.beta);
  if (options.beta == 0) return l1_loss(x, target, options.reduction);
  return huber_loss(x, target, {options.beta, options.reduction}) / options.beta;
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BceOptions& options) {
  const char* const op = "binary_cross_entropy";
  require_same_shape(op, x, target);
  require(all(logical_and(x.detach() >= 0, x.detach() <= 1)).item() != 0,
          "{}: an input is not in [0, 1]; use binary_cross_entropy_with_logits for logits", op);
  const auto f = [](auto v, auto t) {
    using T = decltype(v);
    const T yes = kernels::log(v), no = kernels::log1p(-v), least = -100;
    return -(t * (yes < least ? least : yes) + (1 - t) * (no < least ? least : no));
  };
  const auto pull_x = [x, target](const Tensor& g) { return g * (x - target) / clamp(x * (1 - x), {.min = 1e-12}); };
  const auto pull_target = [x](const Tensor& g) { return g * (log(1 - x) - log(x)); };
  const Tensor losses = record(op, map_floating(op, f, x, target), Edge{x, pull_x}, Edge{target, pull_target});
  return reduced(losses, options.weight, options.reduction);
}

namespace {

// (1 - target) x - log(sigmoid(x)): the loss without weights.
Tensor logistic_loss(const Tensor& x, const Tensor& target) {
  const char* const op = "binary_cross_entropy_with_logits";
  const auto f = [](auto v, auto t) { return (1 - t) * v + kernels::softplus(-v); };
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
