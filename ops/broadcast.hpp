// Broadcasting, an op of its own: every other rule sees equal shapes.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// The shape that both shapes broadcast to, NumPy's way: aligned at the right, sizes equal or one of them 1; an error
// that names `op` where they do not fit.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

// A view of `x` with size-1 dimensions repeated, and new ones in front, to reach `shape`; -1 keeps a size. No copy.
Tensor expand(const Tensor& x, const Shape& shape);
// The sum of `x` over what expand() from `shape` to x.shape() repeats: the adjoint of expand.
Tensor sum_to(const Tensor& x, const Shape& shape);
// `x`, expanded to the shape that x and `other` broadcast to; x itself when it has it already.
Tensor broadcast(const char* op, const Tensor& x, const Tensor& other);
// f(x, y) of `x` and `y`, both expanded to the shape that they broadcast to.
template <class F>
Tensor broadcast(const char* op, const Tensor& x, const Tensor& y, const F& f) {
  const Tensor expanded = broadcast(op, x, y);
  return f(expanded, broadcast(op, y, x));
}

}  // namespace ravel
