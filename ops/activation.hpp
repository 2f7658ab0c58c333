// Activation functions, of f32 and f64: one pass forward, one pass backward. Each backward pass is an op with a
// gradient of its own. What is taken by value may be overwritten if nothing else refers to its memory.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// (e^x - e^-x) / (e^x + e^-x).
Tensor tanh(Tensor x);
// g (1 - y^2), for y = tanh(x).
Tensor tanh_backward(Tensor g, const Tensor& y);

// 1 / (1 + e^-x).
Tensor sigmoid(Tensor x);
// g y (1 - y), for y = sigmoid(x).
Tensor sigmoid_backward(Tensor g, const Tensor& y);

// max(x, 0), with gradient 0 at 0.
Tensor relu(Tensor x);
// g where y > 0, else 0, for y = relu(x).
Tensor relu_backward(Tensor g, const Tensor& y);
// For kernels that apply relu in the same pass as what comes before it: gives `y`, which has the values of relu(x) and
// x's place in the graph, that of relu(x).
Tensor record_relu(const Tensor& y);

// x where x > 0, else slope x.
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
// g where x > 0, else slope g.
Tensor leaky_relu_backward(Tensor g, const Tensor& x, double slope);

// x where x > 0, else alpha (e^x - 1) (Clevert, Unterthiner, Hochreiter 2016).
Tensor elu(const Tensor& x, double alpha = 1);
// g where x > 0, else g alpha e^x.
Tensor elu_backward(Tensor g, const Tensor& x, double alpha);

// How gelu calculates the normal distribution function: by the error function, or by a tanh close to it.
enum class Approximate { none, tanh };
// x P(x) with the normal distribution function P (Hendrycks, Gimpel 2016). In f32, by the error function, right to 3.1
// ulp for x > 0, and below, where the terms of 1 + erf cancel, to 2.5 |x| 2^-24.
Tensor gelu(const Tensor& x, Approximate approximate = Approximate::none);
// g times the derivative of gelu at x, whose absolute error in f32 is at most 3.6 2^-24 (both: for x from -12 to 12).
Tensor gelu_backward(Tensor g, const Tensor& x, Approximate approximate = Approximate::none);

// log(1 + e^(beta x)) / beta; x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
// g sigmoid(beta x); g itself where beta x > threshold.
Tensor softplus_backward(Tensor g, const Tensor& x, double beta, double threshold);

// log(sigmoid(x)), without overflow.
Tensor log_sigmoid(const Tensor& x);

// x sigmoid(x), also called swish (Elfwing, Uchibe, Doya 2018).
Tensor silu(const Tensor& x);
// g s (1 + x (1 - s)) with s = sigmoid(x).
Tensor silu_backward(Tensor g, const Tensor& x);

}  // namespace ravel
