#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> shape_rows() {
  return {
      {"packed",
       [](const Tensors& x) {
         return packed(permute(x[0], {1, 0}));
       },
       {normal({2, 3})}},
      {"reshape",
       [](const Tensors& x) {
         return reshape(x[0], {3, -1});
       },
       {normal({2, 3, 2})}},
      {"reshape/copy",
       [](const Tensors& x) {
         return reshape(permute(x[0], {1, 0}), 6);
       },
       {normal({2, 3})}},
      {"permute",
       [](const Tensors& x) {
         return permute(x[0], {2, 0, -2});
       },
       {normal({2, 3, 4})}},
      {"reshape/rank 0",
       [](const Tensors& x) {
         return reshape(x[0], {1, -1});
       },
       {normal({})}},
      {"flatten", [](const Tensors& x) { return flatten(x[0]); }, {normal({2, 3, 2})}, {.elementwise = true}},
      {"flatten/dims", [](const Tensors& x) { return flatten(x[0], 1, -2); }, {normal({2, 3, 2, 2})}},
      {"unflatten",
       [](const Tensors& x) {
         return unflatten(x[0], -2, {-1, 3});
       },
       {normal({2, 6, 2})}},
      {"squeeze", [](const Tensors& x) { return squeeze(x[0]); }, {normal({1, 3, 1, 2})}, {.elementwise = true}},
      {"squeeze/dims",
       [](const Tensors& x) {
         return squeeze(x[0], {0, 1});
       },
       {normal({1, 3, 1, 2})}},
      {"unsqueeze", [](const Tensors& x) { return unsqueeze(x[0], -1); }, {normal({2, 3})}, {.elementwise = true}},
      {"transpose",
       [](const Tensors& x) { return transpose(x[0], 0, -1); },
       {normal({2, 3, 4})},
       {.elementwise = true}},
      {"t", [](const Tensors& x) { return t(x[0]); }, {normal({2, 3})}, {.elementwise = true}},
      {"movedim",
       [](const Tensors& x) {
         return movedim(x[0], {0, 2}, {-1, 0});
       },
       {normal({2, 3, 4, 2})}},
      {"cast", [](const Tensors& x) { return cast(x[0], f64); }, {normal({2, 3})}, {.elementwise = true}},
      {"cast/integers",
       [](const Tensors& x) { return cast(x[0] * 3, i64); },
       {normal({2, 3})},
       {.elementwise = true, .no_gradient = true}},
      {"expand",
       [](const Tensors& x) {
         return expand(x[0], {4, 2, -1});
       },
       {normal({1, 3})}},
      {"sum_to",
       [](const Tensors& x) {
         return sum_to(x[0], {3, 1});
       },
       {normal({2, 3, 4})}},
      {"broadcast",
       [](const Tensors& x) { return broadcast("broadcast", x[0], x[1]); },
       {normal({3}), constant(normal({2, 1}))}},
  };
}

}  // namespace table
