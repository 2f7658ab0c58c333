// Sums, means, extremes and norms over any dimensions. An empty list of dimensions means all; `keepdim` leaves them in
// with size 1.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// The sum; i64 for integers and masks. 0 where there is nothing to add.
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The mean of f32 or f64 elements; NaN where there are none.
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

// The product; 1 where there is nothing to multiply. Its gradients are right where factors are 0 too.
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

// The largest element, NaN if there is one; elements that tie share the gradient evenly. An error where there are none.
Tensor max(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The smallest element, likewise.
Tensor min(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The index (i64) of the first largest element along one dimension, or of all elements in row-major order. NaN counts
// as the largest.
Tensor argmax(const Tensor& x, const Dims& dim = {}, bool keepdim = false);
// The same of the first smallest element. NaN counts as the smallest.
Tensor argmin(const Tensor& x, const Dims& dim = {}, bool keepdim = false);

struct VarOptions {
  double correction = 1;  // the sum of squares is divided by the number of elements less this one
  bool keepdim = false;
};
// The variance, by two passes: the mean of the squared distances from the mean.
Tensor var(const Tensor& x, const Dims& dims = {}, VarOptions options = {});
// The square root of var(). PyTorch calls it std, which C++ has taken. Where it is 0, so is its gradient.
Tensor stddev(const Tensor& x, const Dims& dims = {}, VarOptions options = {});
// The Euclidean norm: the square root of the sum of squares. Where it is 0, so is its gradient.
Tensor norm(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

// log(sum(exp(x))), without overflow; -inf where there are no elements or all of them are -inf.
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

struct CumsumOptions {
  bool reverse = false;  // add up from the end
};
// Element i along `dim` is the sum of elements 0 .. i of `x`.
Tensor cumsum(const Tensor& x, std::int64_t dim, CumsumOptions options = {});

// Is every element true, or not zero? True where there are none.
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// Is some element true, or not zero? False where there are none.
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);

}  // namespace ravel
