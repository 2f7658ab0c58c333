// Comparing whole tensors.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// Are shapes, types and all elements equal? As numbers: NaN differs from everything, -0 equals 0.
bool equal(const Tensor& x, const Tensor& y);
// Do shapes agree and does |x - y| <= atol + rtol |y| hold for all elements? An infinity is close to itself only.
bool allclose(const Tensor& x, const Tensor& y, double rtol = 1e-5, double atol = 1e-8);
// A 64-bit hash of type, shape and bits of the elements: equal hashes mean equal bits, for all purposes here. It
// tells -0 from 0.
std::uint64_t hash_of(const Tensor& x);

}  // namespace ravel
