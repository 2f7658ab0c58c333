// Adam and AdamW.
#pragma once

#include <cmath>

#include "ravel/optim/optimizer.hpp"

namespace ravel::optim {
namespace detail {

// The update that Adam and AdamW share: m and v are running means of g and g^2, corrected for their start at zero.
// `coupled` weight decay adds to the gradient; `decoupled` shrinks the parameter before the step.
template <class T>
auto adam_update(std::int64_t t, double lr, double beta1, double beta2, double epsilon, double coupled,
                 double decoupled) {
  const double steps = static_cast<double>(t);
  const double correction1 = 1 - std::pow(beta1, steps), correction2 = 1 - std::pow(beta2, steps);
  return [rate = static_cast<T>(lr / correction1), root = static_cast<T>(1 / std::sqrt(correction2)),
          b1 = static_cast<T>(beta1), c1 = static_cast<T>(1 - beta1), b2 = static_cast<T>(beta2),
          c2 = static_cast<T>(1 - beta2), tiny = static_cast<T>(epsilon), decay = static_cast<T>(coupled),
          keep = static_cast<T>(1 - lr * decoupled)](T& p, T g, T& m, T& v) {
    g += decay * p;
    m = b1 * m + c1 * g;
    v = b2 * v + c2 * (g * g);
    p = keep * p - rate * m / (std::sqrt(v) * root + tiny);
  };
}

inline void check_adam(const char* name, double lr, double beta1, double beta2, double epsilon, double weight_decay) {
  require(lr >= 0, "{}: a learning rate of {}; use 0 or more", name, lr);
  require(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "{}: betas of {} and {}; use 0 or more, below 1", name,
          beta1, beta2);
  require(epsilon >= 0, "{}: an epsilon of {}; use 0 or more", name, epsilon);
  require(weight_decay >= 0, "{}: a weight decay of {}; use 0 or more", name, weight_decay);
}

}  // namespace detail

// Kingma and Ba: Adam: a method for stochastic optimization; ICLR 2015. Weight decay is added to the gradient.
struct AdamRule {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;

  static constexpr int states = 2;
  void check() const { detail::check_adam("adam", lr, beta1, beta2, epsilon, weight_decay); }
  template <class T>
  auto at(std::int64_t t) const {
    return detail::adam_update<T>(t, lr, beta1, beta2, epsilon, weight_decay, 0);
  }
};

// Loshchilov and Hutter: Decoupled weight decay regularization; ICLR 2019. Weight decay shrinks the parameters.
struct AdamWRule {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;

  static constexpr int states = 2;
  void check() const { detail::check_adam("adamw", lr, beta1, beta2, epsilon, weight_decay); }
  template <class T>
  auto at(std::int64_t t) const {
    return detail::adam_update<T>(t, lr, beta1, beta2, epsilon, 0, weight_decay);
  }
};

using Adam = Optimizer<AdamRule>;
using AdamW = Optimizer<AdamWRule>;

}  // namespace ravel::optim
