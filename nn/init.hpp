// Initial values of parameters.
#pragma once

#include "ravel/nn/scope.hpp"

namespace ravel::nn {

// A constant.
Initializer constant(double value);
// Uniform in [low, high).
Initializer uniform(double low, double high);
// Normal.
Initializer normal(double mean = 0, double deviation = 1);

// The number of inputs and outputs that each element of a weight (out, in, kernel...) connects.
struct Fan {
  double in = 0, out = 0;
};
Fan fan_of(const Shape& weight);

// Uniform in +-gain sqrt(6 / (fan in + fan out)); normal with deviation gain sqrt(2 / (fan in + fan out)).
// Glorot and Bengio: Understanding the difficulty of training deep feedforward neural networks; AISTATS 2010.
Initializer xavier_uniform(double gain = 1);
Initializer xavier_normal(double gain = 1);

// Uniform in +-gain sqrt(3 / fan in); normal with deviation gain / sqrt(fan in); the gain is sqrt(2 / (1 + slope^2))
// for a leaky ReLU of that slope, 0 being ReLU. He et al.: Delving deep into rectifiers; ICCV 2015.
Initializer kaiming_uniform(double slope = 0);
Initializer kaiming_normal(double slope = 0);

// Uniform in +-1 / sqrt(fan_in): PyTorch's default for the weights and biases of linear and convolution layers.
Initializer fan_in_uniform(double fan_in);

}  // namespace ravel::nn
