// Tensors as text.
#pragma once

#include <fmt/core.h>

#include <iosfwd>
#include <string>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// The elements in nested brackets and aligned columns, as NumPy writes them: with the fewest decimals, at most 4, that
// tell them all, in scientific notation where they differ too much in size. Beyond 1000 elements only the first and
// last 3 of each dimension are shown. After them stand what they do not tell: the shape of an empty or shortened
// tensor, a type that is not f32, i64 or bool, and whether the tensor requires a gradient.
std::string to_string(const Tensor& x);
std::ostream& operator<<(std::ostream& stream, const Tensor& x);

}  // namespace ravel

template <>
struct fmt::formatter<ravel::Tensor> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::format_context::iterator format(const ravel::Tensor& x, fmt::format_context& context) const;
};
