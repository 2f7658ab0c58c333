// Other shapes, orders and types for the same elements: views where strides allow it.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// `x` itself if its elements lie in row-major order without gaps, else a copy that does.
Tensor packed(const Tensor& x);
// The elements in row-major order under another shape with as many; one size may be -1 and is inferred. A view where
// x's strides allow it.
Tensor reshape(const Tensor& x, const Shape& shape);
// The dimensions `start` to `end`, both included, as one; a tensor of rank 0 becomes one of shape (1,).
Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t end = -1);
// Dimension `dim` as several of the given sizes, one of which may be -1: the inverse of flatten.
Tensor unflatten(const Tensor& x, std::int64_t dim, const Shape& sizes);
// Without those of the dimensions `dims` whose size is 1; an empty list means all dimensions.
Tensor squeeze(const Tensor& x, const Dims& dims = {});
// With a dimension of size 1 put before dimension `dim`, which is in [-rank - 1, rank].
Tensor unsqueeze(const Tensor& x, std::int64_t dim);

// Dimension i of the result is dimension dims[i] of `x`; a view.
Tensor permute(const Tensor& x, const Dims& dims);
// The dimensions `a` and `b` exchanged; a view.
Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b);
// The transposed matrix (n, m) of an (m, n) one; tensors of rank 0 and 1 stay as they are.
Tensor t(const Tensor& x);
// Dimension source[i] moved to position destination[i], the others in their order; a view.
Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination);

// The elements as another type. Floating numbers become integers by truncation, those beyond the type's range its
// nearest end, and NaN 0; i64 becomes u8 modulo 256; everything but zero becomes true. Between f32 and f64 it has a
// gradient.
Tensor cast(const Tensor& x, Dtype dtype);

}  // namespace ravel
