#include "ravel/nn/dropout.hpp"

#include "ravel/ops/dropout.hpp"

namespace ravel::nn {

Dropout::Dropout(const Scope& scope, double p) : scope(scope), p(p) {
  require(p >= 0 && p <= 1, "dropout: {} is no probability; use one from 0 to 1", p);
}

Tensor Dropout::operator()(Tensor x) const {
  const auto in = scope.enter();
  return dropout(std::move(x), p, scope.is_training());
}

}  // namespace ravel::nn
