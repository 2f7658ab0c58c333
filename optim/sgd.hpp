// Stochastic gradient descent.
#pragma once

#include "ravel/optim/optimizer.hpp"

namespace ravel::optim {

// With g = gradient + weight_decay p and v = momentum v + g (v starts as the first g): p -= lr v; with Nesterov's
// momentum p -= lr (g + momentum v). Sutskever et al.: On the importance of initialization and momentum; ICML 2013.
struct SgdRule {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;  // v = momentum v + (1 - dampening) g from the second step on
  double weight_decay = 0;
  bool nesterov = false;

  static constexpr int states = 1;

  void check() const {
    require(lr >= 0, "sgd: a learning rate of {}; use 0 or more", lr);
    require(momentum >= 0, "sgd: a momentum of {}; use 0 or more", momentum);
    require(weight_decay >= 0, "sgd: a weight decay of {}; use 0 or more", weight_decay);
    require(!nesterov || (momentum > 0 && dampening == 0), "sgd: nesterov needs a momentum above 0 and no dampening");
  }

  template <class T>
  auto at(std::int64_t t) const {
    return [rate = static_cast<T>(lr), mu = static_cast<T>(momentum),
            fresh = static_cast<T>(t == 1 ? 1 : 1 - dampening), ahead = static_cast<T>(nesterov ? 1 : 0),
            look = static_cast<T>(nesterov ? momentum : 1), decay = static_cast<T>(weight_decay)](T& p, T g, T& v) {
      g += decay * p;
      v = mu * v + fresh * g;
      p -= rate * (ahead * g + look * v);
    };
  }

  bool has_states() const { return momentum > 0; }
  template <class T>
  auto without_states() const {
    return
        [rate = static_cast<T>(lr), decay = static_cast<T>(weight_decay)](T& p, T g) { p -= rate * (g + decay * p); };
  }
};

using Sgd = Optimizer<SgdRule>;

}  // namespace ravel::optim
