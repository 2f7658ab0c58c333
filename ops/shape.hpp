// Other shapes for the same elements: views where strides allow it.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// `x` itself if its elements lie in row-major order without gaps, else a copy that does.
Tensor packed(const Tensor& x);
// The elements in row-major order under another shape with as many; one size may be -1 and is inferred. A view where
// x's strides allow it.
Tensor reshape(const Tensor& x, const Shape& shape);
// Dimension i of the result is dimension dims[i] of `x`; a view.
Tensor permute(const Tensor& x, const Dims& dims);

}  // namespace ravel
