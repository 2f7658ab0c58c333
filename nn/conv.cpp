#include "ravel/nn/conv.hpp"

namespace ravel::nn {
namespace {

// Makes `weight` and `bias` of a convolution layer for weights of the given shape.
void make_parameters(const Scope& scope, const Shape& shape, const ConvParameters& parameters, Parameter& weight,
                     Parameter& bias) {
  const Initializer standard = fan_in_uniform(fan_of(shape).in);
  weight = scope.parameter("weight", shape, parameters.weight_init ? parameters.weight_init : standard);
  if (parameters.bias) bias = scope.parameter("bias", shape[0], parameters.bias_init ? parameters.bias_init : standard);
}

// The input channels of one group.
std::int64_t channels_per_group(const char* layer, std::int64_t in, std::int64_t out, std::int64_t groups) {
  require(groups >= 1 && in % groups == 0 && out % groups == 0,
          "{}: {} input and {} output channels do not fall into {} groups", layer, in, out, groups);
  return in / groups;
}

}  // namespace

Conv1d::Conv1d(const Scope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv1dOptions& options,
               const ConvParameters& parameters)
    : scope(scope), options(options) {
  const Shape shape = {out, channels_per_group("conv1d", in, out, options.groups), kernel};
  make_parameters(scope, shape, parameters, weight, bias);
}

Tensor Conv1d::operator()(const Tensor& x) const {
  const auto in = scope.enter();
  return conv1d(x, weight, bias.or_none(), options);
}

Conv2d::Conv2d(const Scope& scope, std::int64_t in, std::int64_t out, Pair kernel, const Conv2dOptions& options,
               const ConvParameters& parameters)
    : scope(scope), options(options) {
  const Shape shape = {out, channels_per_group("conv2d", in, out, options.groups), kernel.values[0], kernel.values[1]};
  make_parameters(scope, shape, parameters, weight, bias);
}

Tensor Conv2d::operator()(const Tensor& x) const {
  const auto in = scope.enter();
  return conv2d(x, weight, bias.or_none(), options);
}

}  // namespace ravel::nn
