// A model of one's own: an op that the library does not have, a module that uses it, a loss, and the training loop.
// The task: tell two interleaved spirals apart.
#include <fmt/core.h>

#include <cmath>
#include <ravel/ravel.hpp>

using namespace ravel;

// An op is check, value, record. This one is the "bent identity" (sqrt(x^2 + 1) - 1) / 2 + x: its value comes from a
// vectorised loop over the elements, its gradient is a formula in ops that have gradients themselves, so that second
// derivatives work too.
Tensor bent_identity(const Tensor& x) {
  return record("bent_identity",
                kernels::map_floating(
                    "bent_identity", [](auto v) { return (std::sqrt(v * v + 1) - 1) / 2 + v; }, x),
                Edge{x, [x](const Tensor& g) { return g * (x / (2.0 * sqrt(x * x + 1.0)) + 1.0); }});
}

// A module is a struct that makes its parameters in a scope and can be called.
struct SpiralNet {
  nn::Linear first, second, out;
  explicit SpiralNet(const nn::Scope& s)
      : first(s / "first", 2, 32), second(s / "second", 32, 32), out(s / "out", 32, 1) {}
  Tensor operator()(const Tensor& x) const {
    return flatten(out(bent_identity(second(bent_identity(first(x) * 3.0)))));
  }
};

// A loss is a function: here the squared hinge loss for targets of -1 and 1.
Tensor squared_hinge(const Tensor& scores, const Tensor& targets) { return mean(square(relu(1.0 - scores * targets))); }

int main() {
  const std::int64_t points = 400;
  std::vector<float> xs, sides;
  for (std::int64_t i = 0; i < points; ++i) {
    const float side = i % 2 == 0 ? 1.0F : -1.0F, angle = 0.5F + 6.0F * static_cast<float>(i) / points;
    xs.push_back(side * angle * std::cos(angle) / 6);
    xs.push_back(side * angle * std::sin(angle) / 6);
    sides.push_back(side);
  }
  const Tensor inputs = from_vector(xs, {points, 2}), targets = from_vector(sides);

  const GradcheckReport report = gradgradcheck([](const std::vector<Tensor>& in) { return bent_identity(in[0]); },
                                               {randn({3, 4}, f64).requires_grad_()});
  fmt::print("second derivatives of bent_identity: {}\n", report.text);

  const nn::Scope scope(1);
  const SpiralNet net(scope);
  optim::Adam optimizer(scope.parameters(), {.lr = 0.01});
  for (int step = 0; step <= 600; ++step) {
    optimizer.zero_grad();
    const Tensor scores = net(inputs), loss = squared_hinge(scores, targets);
    loss.backward();
    optimizer.step();
    const double right = mean(cast(scores.detach() * targets > 0.0, f32)).item();
    if (step % 100 == 0) fmt::print("step {:3}  loss {:.4f}  right {:.1f} %\n", step, loss.item(), 100 * right);
  }
}
