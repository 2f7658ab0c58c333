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
