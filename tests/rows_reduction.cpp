#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> reduction_rows() {
  return {
      {"sum", [](const Tensors& x) { return sum(x[0]); }, {normal({2, 3, 4})}, {.elementwise = true}},
      {"sum/dims",
       [](const Tensors& x) {
         return sum(x[0], {0, -1});
       },
       {normal({2, 3, 4})}},
      {"sum/keepdim", [](const Tensors& x) { return sum(x[0], 1, true); }, {normal({2, 3, 4})}},
  };
}

}  // namespace table
