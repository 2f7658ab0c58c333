// Elementary functions of each element, of f32 and f64. Their f32 kernels and errors: ops/kernels/math.hpp.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// e^x, and e^x - 1 without loss near 0.
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
// Logarithms: natural, of 1 + x without loss near 0, to base 2.
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor log2(const Tensor& x);

Tensor sqrt(const Tensor& x);
// 1 / sqrt(x).
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
// 1 / x.
Tensor reciprocal(const Tensor& x);

// x^y as the C library defines it: x^0 is 1 for every x, a negative x has powers with whole exponents only, others are
// NaN. Tensors broadcast. The gradient for x is 0 where y is 0, the one for y is 0 where x is 0 and y >= 0.
Tensor pow(const Tensor& x, const Tensor& y);
Tensor pow(const Tensor& x, double exponent);
Tensor pow(double base, const Tensor& y);

// |x|, with gradient 0 at 0; also of i64.
Tensor abs(const Tensor& x);
// -1, 0 or 1, 0 for NaN; also of i64. Its gradient is zero.
Tensor sign(const Tensor& x);
// The whole number below, above, or nearest (a half goes to the even one). Their gradients are zero.
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);

Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
// The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
Tensor erf(const Tensor& x);

}  // namespace ravel
