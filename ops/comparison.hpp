// Masks, and what chooses between values. Tensors of one type broadcast; a number takes the type of the tensor.
#pragma once

#include <optional>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// Masks (boolean tensors) of elementwise comparisons. Whatever is compared with NaN is unequal and unordered.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& x, double number);
Tensor ne(const Tensor& x, double number);
Tensor lt(const Tensor& x, double number);
Tensor le(const Tensor& x, double number);
Tensor gt(const Tensor& x, double number);
Tensor ge(const Tensor& x, double number);

inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator==(const Tensor& x, double number) { return eq(x, number); }
inline Tensor operator!=(const Tensor& x, double number) { return ne(x, number); }
inline Tensor operator<(const Tensor& x, double number) { return lt(x, number); }
inline Tensor operator<=(const Tensor& x, double number) { return le(x, number); }
inline Tensor operator>(const Tensor& x, double number) { return gt(x, number); }
inline Tensor operator>=(const Tensor& x, double number) { return ge(x, number); }
inline Tensor operator==(double number, const Tensor& x) { return eq(x, number); }
inline Tensor operator!=(double number, const Tensor& x) { return ne(x, number); }
inline Tensor operator<(double number, const Tensor& x) { return gt(x, number); }
inline Tensor operator<=(double number, const Tensor& x) { return ge(x, number); }
inline Tensor operator>(double number, const Tensor& x) { return lt(x, number); }
inline Tensor operator>=(double number, const Tensor& x) { return le(x, number); }

// Masks of two masks, or of one.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& mask);

// Where `x` is not a number; where it is neither that nor infinite.
Tensor isnan(const Tensor& x);
Tensor isfinite(const Tensor& x);

// The elements of `a` where `mask` is true, else those of `b`; all three broadcast.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& mask, const Tensor& x, double number);
Tensor where(const Tensor& mask, double number, const Tensor& x);

// The larger or the smaller of each pair, NaN if one is NaN. Equal elements share the gradient in halves.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
// The part of `g` that maximum(x, y) gives to x, and minimum(y, x) too: all where x > y, half where x == y.
Tensor maximum_backward(const Tensor& g, const Tensor& x, const Tensor& y);

struct ClampOptions {
  std::optional<double> min = std::nullopt, max = std::nullopt;  // one may be absent
};
// `x` moved into [min, max], everything to max where min > max; the gradient passes where min <= x <= max.
Tensor clamp(const Tensor& x, const ClampOptions& options);
Tensor clamp(const Tensor& x, double min, double max);
// `g` where min <= x <= max, else 0.
Tensor clamp_backward(const Tensor& g, const Tensor& x, const ClampOptions& options);

}  // namespace ravel
