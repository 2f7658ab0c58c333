#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> arithmetic_rows() {
  return {
      {"operator+",
       [](const Tensors& x) { return x[0] + x[1]; },
       {normal({2, 3}), normal({2, 3})},
       {.elementwise = true}},
      {"operator+/broadcast", [](const Tensors& x) { return x[0] + x[1]; }, {normal({2, 1, 3}), normal({4, 1})}},
      {"operator+/number", [](const Tensors& x) { return 2 + (x[0] + 0.5); }, {normal({2, 3})}, {.elementwise = true}},
      {"operator-", [](const Tensors& x) { return x[0] - x[1]; }, {normal({2, 3}), normal({3})}, {.elementwise = true}},
      {"operator-/negative", [](const Tensors& x) { return -x[0]; }, {normal({2, 3})}, {.elementwise = true}},
      {"operator-/number", [](const Tensors& x) { return 2 - (x[0] - 0.5); }, {normal({2, 3})}, {.elementwise = true}},
      {"operator*",
       [](const Tensors& x) { return x[0] * x[1]; },
       {normal({2, 3}), normal({2, 1})},
       {.elementwise = true}},
      {"operator*/number", [](const Tensors& x) { return 2 * (x[0] * 0.7); }, {normal({2, 3})}, {.elementwise = true}},
      {"operator/",
       [](const Tensors& x) { return x[0] / x[1]; },
       {normal({2, 3}), positive({3})},
       {.elementwise = true}},
      {"operator//number",
       [](const Tensors& x) { return 2 / (x[0] / 0.7); },
       {positive({2, 3})},
       {.elementwise = true}},
      {"add_reusing",
       [](const Tensors& x) { return add_reusing(x[0] * 2, x[1]); },
       {normal({2, 3}), normal({2, 3})},
       {.elementwise = true}},
  };
}

}  // namespace table
