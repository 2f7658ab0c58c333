// Copies between strided arrays.
#pragma once

#include "ravel/autograd/array.hpp"

namespace ravel::kernels {

// Writes the elements of `source` to where the elements of `target` lie. Both have one shape and one type, and no two
// elements of `target` share their place.
void copy_into(Array& target, const Array& source);

// A fresh packed array with the elements of `x`.
Ref<Array> packed_copy(const Array& x);

}  // namespace ravel::kernels
