#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> softmax_rows() {
  return {
      {"softmax", [](const Tensors& x) { return softmax(x[0], -1); }, {normal({3, 5})}},
      {"softmax/outer", [](const Tensors& x) { return softmax(x[0], 1); }, {normal({2, 5, 3})}},
      {"softmax/long", [](const Tensors& x) { return softmax(x[0], 0); }, {normal({37})}},
      {"log_softmax", [](const Tensors& x) { return log_softmax(x[0], -1); }, {normal({3, 5})}},
      {"log_softmax/outer", [](const Tensors& x) { return log_softmax(x[0], 0); }, {normal({5, 2, 3})}},
      {"softmax_backward",
       [](const Tensors& x) { return softmax_backward(x[0], x[1], -1); },
       {normal({3, 5}), unit({3, 5})}},
      {"softmax_backward/outer",
       [](const Tensors& x) { return softmax_backward(x[0], x[1], 0); },
       {normal({5, 3}), unit({5, 3})}},
      {"log_softmax_backward",
       [](const Tensors& x) { return log_softmax_backward(x[0], x[1], -1); },
       {normal({3, 5}), normal({3, 5})}},
      {"log_softmax_backward/outer",
       [](const Tensors& x) { return log_softmax_backward(x[0], x[1], 0); },
       {normal({5, 3}), normal({5, 3})}},
  };
}

}  // namespace table
