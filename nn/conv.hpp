// Convolution layers.
#pragma once

#include "ravel/nn/init.hpp"
#include "ravel/nn/scope.hpp"
#include "ravel/ops/conv.hpp"

namespace ravel::nn {

// What the convolution ops take, and how the parameters start. Default: fan_in_uniform, as in PyTorch.
struct ConvParameters {
  bool bias = true;
  Initializer weight_init = {};
  Initializer bias_init = {};
};

// conv1d of x (N, in, L) with `weight` (out, in / groups, kernel) and `bias` (out).
struct Conv1d {
  Conv1d(const Scope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv1dOptions& options = {},
         const ConvParameters& parameters = {});
  Tensor operator()(const Tensor& x) const;

  Scope scope;
  Conv1dOptions options;
  Parameter weight, bias;
};

// conv2d of x (N, in, H, W) with `weight` (out, in / groups, kernel, kernel) and `bias` (out); `kernel` is one size for
// both or a pair.
struct Conv2d {
  Conv2d(const Scope& scope, std::int64_t in, std::int64_t out, Pair kernel, const Conv2dOptions& options = {},
         const ConvParameters& parameters = {});
  Tensor operator()(const Tensor& x) const;

  Scope scope;
  Conv2dOptions options;
  Parameter weight, bias;
};

}  // namespace ravel::nn
