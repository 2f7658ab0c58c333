#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> indexing_rows() {
  return {
      {"gather",
       [](const Tensors& x) { return gather(x[0], 1, x[1]); },
       {normal({2, 3, 4}), integers(0, 3, {2, 5, 4})}},
      {"gather/last",
       [](const Tensors& x) { return gather(x[0], -1, x[1]); },
       {normal({3, 4}), integers(0, 4, {2, 2})}},
      {"gather/rank 1", [](const Tensors& x) { return gather(x[0], 0, x[1]); }, {normal(3), integers(0, 3, 7)}},
      {"scatter_add",
       [](const Tensors& x) { return scatter_add(x[0], 1, x[1], x[2]); },
       {normal({2, 3, 4}), integers(0, 3, {2, 5, 4}), normal({2, 5, 4})}},
      {"scatter_add/smaller",
       [](const Tensors& x) { return scatter_add(x[0], 0, x[1], x[2]); },
       {normal({3, 4}), integers(0, 3, {5, 2}), normal({5, 3})}},
      {"scatter_add/last",
       [](const Tensors& x) { return scatter_add(x[0], -1, x[1], x[2]); },
       {normal({3, 4}), integers(0, 4, {2, 6}), normal({3, 6})}},
      {"take_along_dim",
       [](const Tensors& x) { return take_along_dim(x[0], x[1], 1); },
       {normal({2, 3, 1}), integers(0, 3, {1, 2, 4})}},
      {"index_select",
       [](const Tensors& x) { return index_select(x[0], 0, x[1]); },
       {normal({4, 3}), integers(0, 4, 6)}},
      {"index_select/last",
       [](const Tensors& x) { return index_select(x[0], -1, x[1]); },
       {normal({2, 3, 4}), integers(0, 4, 5)}},
      {"index_add",
       [](const Tensors& x) { return index_add(x[0], 0, x[1], x[2]); },
       {normal({4, 3}), integers(0, 4, 6), normal({6, 3})}},
      {"index_add/middle",
       [](const Tensors& x) { return index_add(x[0] * 2, 1, x[1], x[2]); },
       {normal({2, 3, 4}), integers(0, 3, 5), normal({2, 5, 4})}},
      {"one_hot",
       [](const Tensors& x) { return one_hot(x[0], 4); },
       {integers(0, 4, {2, 3})},
       {.elementwise = true, .no_gradient = true}},
      {"masked_fill",
       [](const Tensors& x) { return masked_fill(x[0], x[1], 0.5); },
       {normal({2, 3}), mask({2, 3})},
       {.elementwise = true}},
      {"masked_fill/broadcast",
       [](const Tensors& x) { return masked_fill(x[0], x[1], -2); },
       {normal({2, 1}), mask(3)}},
      {"tril", [](const Tensors& x) { return tril(x[0], -1); }, {normal({2, 4, 3})}},
      {"triu", [](const Tensors& x) { return triu(x[0], 1); }, {normal({2, 3, 4})}},
  };
}

}  // namespace table
