// Dropout as a layer.
#pragma once

#include "ravel/nn/scope.hpp"

namespace ravel::nn {

// While its scope trains, sets each element to zero with probability p and divides the others by 1 - p; else x itself.
// Srivastava et al.: Dropout: a simple way to prevent neural networks from overfitting; JMLR 15, 2014.
struct Dropout {
  explicit Dropout(const Scope& scope, double p = 0.5);
  Tensor operator()(Tensor x) const;

  Scope scope;
  double p;
};

}  // namespace ravel::nn
