#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> comparison_rows() {
  const Input x = apart({2, 3}), y = apart({2, 3}), integer = integers(0, 3, {2, 3}), other = integers(0, 3, {3});
  const Traits masks = {.elementwise = true, .no_gradient = true}, elementwise = {.elementwise = true};
  return {
      {"eq", [](const Tensors& v) { return eq(v[0], v[1]); }, {integer, other}, masks},
      {"ne", [](const Tensors& v) { return ne(v[0], v[1]); }, {integer, other}, masks},
      {"lt", [](const Tensors& v) { return lt(v[0], v[1]); }, {x, y}, masks},
      {"le", [](const Tensors& v) { return le(v[0], v[1]); }, {integer, other}, masks},
      {"gt", [](const Tensors& v) { return gt(v[0], v[1]); }, {x, y}, masks},
      {"ge", [](const Tensors& v) { return ge(v[0], v[1]); }, {integer, other}, masks},
      {"lt/number", [](const Tensors& v) { return lt(v[0], 0.25); }, {x}, masks},
      {"operator==", [](const Tensors& v) { return v[0] == v[1]; }, {integer, other}, masks},
      {"operator!=", [](const Tensors& v) { return v[0] != v[1]; }, {integer, other}, masks},
      {"operator<", [](const Tensors& v) { return v[0] < v[1]; }, {x, y}, masks},
      {"operator<=", [](const Tensors& v) { return v[0] <= v[1]; }, {x, y}, masks},
      {"operator>", [](const Tensors& v) { return v[0] > v[1]; }, {x, y}, masks},
      {"operator>=", [](const Tensors& v) { return v[0] >= v[1]; }, {x, y}, masks},
      {"logical_and", [](const Tensors& v) { return logical_and(v[0], v[1]); }, {mask({2, 3}), mask({3})}, masks},
      {"logical_or", [](const Tensors& v) { return logical_or(v[0], v[1]); }, {mask({2, 3}), mask({3})}, masks},
      {"logical_not", [](const Tensors& v) { return logical_not(v[0]); }, {mask({2, 3})}, masks},
      {"isnan", [](const Tensors& v) { return isnan(v[0]); }, {x}, masks},
      {"isfinite", [](const Tensors& v) { return isfinite(v[0]); }, {x}, masks},
      {"where", [](const Tensors& v) { return where(v[0], v[1], v[2]); }, {mask({2, 3}), x, y}, elementwise},
      {"where/broadcast",
       [](const Tensors& v) { return where(v[0], v[1], v[2]); },
       {mask({4, 1, 3}), normal({2, 1}), normal({3})}},
      {"where/number",
       [](const Tensors& v) { return where(v[0], v[1], 2) + where(v[0], 0.5, v[1] * 3); },
       {mask({2, 3}), x},
       elementwise},
      {"maximum", [](const Tensors& v) { return maximum(v[0], v[1]); }, {x, y}, elementwise},
      {"minimum", [](const Tensors& v) { return minimum(v[0], v[1]); }, {x, y}, elementwise},
      {"maximum_backward",
       [](const Tensors& v) { return maximum_backward(v[0], v[1], v[2]); },
       {normal({2, 3}), constant(x), constant(y)},
       elementwise},
      {"clamp", [](const Tensors& v) { return clamp(v[0], -0.1, 0.15); }, {x}, elementwise},
      {"clamp/minimum", [](const Tensors& v) { return clamp(v[0], {.min = -0.1}); }, {x}, elementwise},
      {"clamp/maximum", [](const Tensors& v) { return clamp(v[0], {.max = 0.1}); }, {x}, elementwise},
      {"clamp_backward",
       [](const Tensors& v) { return clamp_backward(v[0], v[1], {.min = 0, .max = 1}); },
       {normal({2, 3}), constant(x)},
       elementwise},
  };
}

}  // namespace table
