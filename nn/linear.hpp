// The fully connected layer.
#pragma once

#include "ravel/nn/init.hpp"
#include "ravel/nn/scope.hpp"

namespace ravel::nn {

struct LinearOptions {
  bool bias = true;
  Initializer weight_init = {};  // default: fan_in_uniform(in), as in PyTorch
  Initializer bias_init = {};    // default: the same
};

// y = x W^T + b for x (..., in), W `weight` (out, in) and b `bias` (out); y is (..., out).
struct Linear {
  Linear(const Scope& scope, std::int64_t in, std::int64_t out, const LinearOptions& options = {});
  Tensor operator()(const Tensor& x) const;

  Scope scope;
  Parameter weight, bias;
};

}  // namespace ravel::nn
