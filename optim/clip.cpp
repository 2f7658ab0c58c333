#include <cmath>

#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/optim/optimizer.hpp"

namespace ravel::optim {

double clip_grad_norm(const std::vector<nn::Parameter>& parameters, double max_norm) {
  require(max_norm >= 0, "clip_grad_norm: a norm of {}; use 0 or more", max_norm);
  const NoGrad no_grad;
  double squares = 0;
  for (const nn::Parameter& parameter : parameters) {
    const Tensor g = parameter.grad();
    if (g.defined()) squares += sum(square(cast(g, f64))).item();
  }
  const double norm = std::sqrt(squares);
  require(std::isfinite(norm), "clip_grad_norm: the norm of the gradients is {}; see AnomalyMode", norm);
  if (norm <= max_norm) return norm;
  for (const nn::Parameter& parameter : parameters) {
    const Tensor g = parameter.grad();
    if (g.defined()) parameter.tensor().set_grad(g * (max_norm / norm));
  }
  return norm;
}

}  // namespace ravel::optim
