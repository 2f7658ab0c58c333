// Addition, multiplication and their relatives. Tensors of one type broadcast; a number takes the type of the tensor.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
// True division, of f32 and f64.
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& x);

Tensor operator+(const Tensor& x, double number);
Tensor operator+(double number, const Tensor& x);
Tensor operator-(const Tensor& x, double number);
Tensor operator-(double number, const Tensor& x);
Tensor operator*(const Tensor& x, double number);
Tensor operator*(double number, const Tensor& x);
Tensor operator/(const Tensor& x, double number);
Tensor operator/(double number, const Tensor& x);

// These rebind the handle `x`; other copies of it keep the old value.
inline Tensor& operator+=(Tensor& x, const Tensor& y) { return x = x + y; }
inline Tensor& operator-=(Tensor& x, const Tensor& y) { return x = x - y; }
inline Tensor& operator*=(Tensor& x, const Tensor& y) { return x = x * y; }
inline Tensor& operator/=(Tensor& x, const Tensor& y) { return x = x / y; }
inline Tensor& operator+=(Tensor& x, double number) { return x = x + number; }
inline Tensor& operator-=(Tensor& x, double number) { return x = x - number; }
inline Tensor& operator*=(Tensor& x, double number) { return x = x * number; }
inline Tensor& operator/=(Tensor& x, double number) { return x = x / number; }

// a + b for equal shapes, written into a's memory where nothing else refers to it: for sums in a loop.
Tensor add_reusing(Tensor&& a, const Tensor& b);

}  // namespace ravel
