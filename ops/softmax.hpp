// The softmax over one dimension, its logarithm, and their gradients.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// exp(x) / sum(exp(x)) over dimension `dim`, without overflow; NaN where all elements are -inf.
Tensor softmax(const Tensor& x, std::int64_t dim);
// x - log(sum(exp(x))) over dimension `dim`, without overflow.
Tensor log_softmax(const Tensor& x, std::int64_t dim);

// The gradient of softmax, whose output was y: y (g - sum(g y)) over dimension `dim`.
Tensor softmax_backward(const Tensor& g, const Tensor& y, std::int64_t dim);
// The gradient of log_softmax, whose output was y: g - exp(y) sum(g) over dimension `dim`.
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, std::int64_t dim);

}  // namespace ravel
