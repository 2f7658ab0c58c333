#include "ravel/nn/linear.hpp"

#include "ravel/ops/matmul.hpp"

namespace ravel::nn {

Linear::Linear(const Scope& scope, std::int64_t in, std::int64_t out, const LinearOptions& options) : scope(scope) {
  const Initializer standard = fan_in_uniform(static_cast<double>(in));
  weight = scope.parameter("weight", {out, in}, options.weight_init ? options.weight_init : standard);
  if (options.bias) bias = scope.parameter("bias", out, options.bias_init ? options.bias_init : standard);
}

Tensor Linear::operator()(const Tensor& x) const {
  const auto in = scope.enter();
  return linear(x, weight, bias.or_none());
}

}  // namespace ravel::nn
