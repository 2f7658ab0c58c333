// Sums, means, extremes over any dimensions. An empty list of dimensions means all; `keepdim` leaves them in with
// size 1.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

}  // namespace ravel
