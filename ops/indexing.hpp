// Elements and rows picked by an integer tensor, and sums into them. An index is i64, counts from 0, and must be in
// range.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// y[.., i, ..] = x[.., index[.., i, ..], ..] along dimension `dim`. The result has the shape of `index`, which has the
// rank of x and is at most as large in the other dimensions.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index);
// `x` with source[.., i, ..] added to x[.., index[.., i, ..], ..] along dimension `dim`, in the order of the index.
// `index` is at most as large as `source`, and as x in the other dimensions.
Tensor scatter_add(Tensor x, std::int64_t dim, const Tensor& index, const Tensor& source);
// gather() with x and index broadcast in all dimensions but `dim`: picks what argmax and sort along `dim` have named.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::int64_t dim);

// Entries index[0], index[1], ... of dimension `dim`; `index` has rank 1. With dim 0, the rows of an embedding.
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
// `x` with entry i of dimension `dim` of `source` added to entry index[i], in the order of the index.
Tensor index_add(Tensor x, std::int64_t dim, const Tensor& index, const Tensor& source);

// i64 of shape (..., classes): 1 where the last coordinate is the label, 0 elsewhere. -1 classes means as many as the
// largest label needs.
Tensor one_hot(const Tensor& labels, std::int64_t classes = -1);

// `x` with `value` where `mask` is true; the two broadcast.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
// The lower triangle of the matrices (..., n, m): zero where column - row > diagonal.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
// The upper triangle of the matrices (..., n, m): zero where column - row < diagonal.
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);

}  // namespace ravel
