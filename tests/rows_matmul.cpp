#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> matmul_rows() {
  const auto product = [](const Tensors& x) { return matmul(x[0], x[1]); };
  return {
      {"matmul", product, {normal({2, 3}), normal({3, 4})}},
      {"matmul/dot", product, {normal({3}), normal({3})}},
      {"matmul/row", product, {normal({3}), normal({3, 2})}},
      {"matmul/column", product, {normal({2, 3}), normal({3})}},
      {"matmul/batch", product, {normal({2, 2, 3}), normal({2, 3, 2})}},
      {"matmul/broadcast", product, {normal({2, 1, 2, 3}), normal({2, 3, 2})}},
      {"matmul/shared_matrix", product, {normal({2, 2, 3}), normal({3, 2})}},
      {"matmul/shared_first_matrix", product, {normal({2, 3}), normal({2, 3, 2})}},
      {"matmul/batch_of_vectors", product, {normal({3}), normal({2, 3, 2})}},
      {"matmul/transposed",
       [](const Tensors& x) {
         return matmul(permute(x[0], {1, 0}), permute(x[1], {1, 0}));
       },
       {normal({3, 2}), normal({4, 3})}},
      {"matmul/beyond_a_block", product, {normal({5, 9}), normal({9, 7})}},
      {"linear",
       [](const Tensors& x) { return linear(x[0], x[1], x[2]); },
       {normal({2, 3}), normal({4, 3}), normal({4})}},
      {"linear/no_bias", [](const Tensors& x) { return linear(x[0], x[1]); }, {normal({2, 3}), normal({4, 3})}},
      {"linear/leading_dimensions",
       [](const Tensors& x) { return linear(x[0], x[1], x[2]); },
       {normal({2, 2, 3}), normal({2, 3}), normal({2})}},
      {"linear/vector",
       [](const Tensors& x) { return linear(x[0], x[1], x[2]); },
       {normal({3}), normal({2, 3}), normal({2})}},
      {"linear_relu",
       [](const Tensors& x) { return linear_relu(x[0], x[1], x[2]); },
       {normal({2, 3}), normal({4, 3}), normal({4})}},
      {"dot", [](const Tensors& x) { return dot(x[0], x[1]); }, {normal({4}), normal({4})}},
      {"mv", [](const Tensors& x) { return mv(x[0], x[1]); }, {normal({2, 3}), normal({3})}},
      {"outer", [](const Tensors& x) { return outer(x[0], x[1]); }, {normal({2}), normal({3})}},
      {"bmm", [](const Tensors& x) { return bmm(x[0], x[1]); }, {normal({2, 2, 3}), normal({2, 3, 2})}},
      {"addmm",
       [](const Tensors& x) { return addmm(x[0], x[1], x[2], {.beta = 0.5, .alpha = 2}); },
       {normal({3}), normal({2, 2}), normal({2, 3})}},
  };
}

}  // namespace table
