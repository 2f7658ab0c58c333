// Matrix products. All are of f32 or f64; transposed and broadcast operands are read in place.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// The matrix product of a (..., m, k) and b (..., k, n): (..., m, n). Leading dimensions broadcast. A rank-1 `a` counts
// as one row, a rank-1 `b` as one column, and the result lacks that dimension; two of them give their dot product.
Tensor matmul(const Tensor& a, const Tensor& b);
// x (..., in) times the transpose of weight (out, in), plus bias (out) where one is given: (..., out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
// relu(linear(x, weight, bias)) in one pass over memory: the same bits, graph and gradients.
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// The sum of the products of the elements of two vectors of one length.
Tensor dot(const Tensor& a, const Tensor& b);
// A matrix (m, k) times a vector (k).
Tensor mv(const Tensor& matrix, const Tensor& vector);
// The products of all pairs of elements of two vectors: (m) and (n) give (m, n).
Tensor outer(const Tensor& a, const Tensor& b);
// The products of two batches of as many matrices: (batch, m, k) and (batch, k, n) give (batch, m, n).
Tensor bmm(const Tensor& a, const Tensor& b);

struct AddmmOptions {
  double beta = 1, alpha = 1;
};
// beta * x + alpha * a @ b, for matrices a (m, k) and b (k, n) and an x that broadcasts to (m, n).
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& options = {});

}  // namespace ravel
