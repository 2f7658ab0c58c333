#include "ravel/nn/init.hpp"

#include <cmath>

#include "ravel/autograd/create.hpp"
#include "ravel/ops/arithmetic.hpp"

namespace ravel::nn {
namespace {

double rectifier_gain(double slope) { return std::sqrt(2 / (1 + slope * slope)); }

}  // namespace

Initializer constant(double value) {
  return [=](const Shape& shape, Dtype dtype, const RandomKey&) { return full(shape, value, dtype); };
}

Initializer uniform(double low, double high) {
  require(low <= high, "uniform: the range from {} to {} is empty", low, high);
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    return rand(shape, dtype, key) * (high - low) + low;
  };
}

Initializer normal(double mean, double deviation) {
  require(deviation >= 0, "normal: a standard deviation of {}", deviation);
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    return randn(shape, dtype, key) * deviation + mean;
  };
}

Fan fan_of(const Shape& weight) {
  require(weight.rank() >= 2, "a weight of shape {} has no fan: it needs 2 dimensions or more, (out, in, kernel...)",
          weight);
  double kernel = 1;
  for (int dim = 2; dim < weight.rank(); ++dim) kernel *= static_cast<double>(weight[dim]);
  return {static_cast<double>(weight[1]) * kernel, static_cast<double>(weight[0]) * kernel};
}

Initializer xavier_uniform(double gain) {
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    const Fan fan = fan_of(shape);
    const double bound = gain * std::sqrt(6 / (fan.in + fan.out));
    return uniform(-bound, bound)(shape, dtype, key);
  };
}

Initializer xavier_normal(double gain) {
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    const Fan fan = fan_of(shape);
    return normal(0, gain * std::sqrt(2 / (fan.in + fan.out)))(shape, dtype, key);
  };
}

Initializer kaiming_uniform(double slope) {
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    const double bound = rectifier_gain(slope) * std::sqrt(3 / fan_of(shape).in);
    return uniform(-bound, bound)(shape, dtype, key);
  };
}

Initializer kaiming_normal(double slope) {
  return [=](const Shape& shape, Dtype dtype, const RandomKey& key) {
    return normal(0, rectifier_gain(slope) / std::sqrt(fan_of(shape).in))(shape, dtype, key);
  };
}

Initializer fan_in_uniform(double fan_in) {
  const double bound = fan_in > 0 ? 1 / std::sqrt(fan_in) : 0;
  return uniform(-bound, bound);
}

}  // namespace ravel::nn
