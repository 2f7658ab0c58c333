#include "op_table.hpp"

namespace table {

using namespace ravel;

std::vector<Row> slicing_rows() {
  const std::vector<std::int64_t> sizes = {1, 3};
  return {
      {"select", [](const Tensors& x) { return select(x[0], 1, -1); }, {normal({2, 3, 4})}},
      {"select/rank 1", [](const Tensors& x) { return select(x[0], 0, 2); }, {normal(3)}},
      {"slice",
       [](const Tensors& x) { return slice(x[0], 1, {.start = 1, .stop = -1, .step = 2}); },
       {normal({2, 5, 3})}},
      {"slice/backwards",
       [](const Tensors& x) { return slice(x[0], -1, {.start = -2, .step = -2}); },
       {normal({2, 6})}},
      {"slice_backward",
       [](const Tensors& x) {
         return slice_backward(x[0], {2, 6}, 1, {.start = -2, .step = -2});
       },
       {normal({2, 3})}},
      {"narrow", [](const Tensors& x) { return narrow(x[0], 0, 1, 2); }, {normal({4, 3})}},
      {"flip",
       [](const Tensors& x) {
         return flip(x[0], {0, -1});
       },
       {normal({2, 3, 4})}},
      {"flip/last", [](const Tensors& x) { return flip(x[0], -1); }, {normal({2, 3})}, {.elementwise = true}},
      {"pad",
       [](const Tensors& x) {
         return pad(x[0], {1, 2, 0, 1}, {.value = 0.5});
       },
       {normal({2, 3, 2})}},
      {"pad/crop",
       [](const Tensors& x) {
         return pad(x[0], {-1, 2, 1, -2});
       },
       {normal({4, 3})}},
      {"cat",
       [](const Tensors& x) {
         return cat({x[0], x[1], x[0]}, -1);
       },
       {normal({2, 3}), normal({2, 1})}},
      {"cat/integers",
       [](const Tensors& x) { return cat(x); },
       {integers(0, 9, {2, 3}), integers(0, 9, {1, 3})},
       {.no_gradient = true}},
      {"stack", [](const Tensors& x) { return stack(x, 1); }, {normal({2, 3}), normal({2, 3})}},
      {"stack/last",
       [](const Tensors& x) { return stack(x, -1); },
       {normal({2, 3}), constant(normal({2, 3}))},
       {.elementwise = true}},
      {"split", [](const Tensors& x) { return split(x[0], 2, 1); }, {normal({2, 5})}},
      {"split/sizes", [sizes](const Tensors& x) { return split(x[0], sizes); }, {normal({4, 3})}},
      {"split/one used", [sizes](const Tensors& x) { return split(x[0], sizes)[1]; }, {normal({4, 3})}},
      {"chunk", [](const Tensors& x) { return chunk(x[0], 2, -1); }, {normal({2, 5})}},
      {"unbind", [](const Tensors& x) { return unbind(x[0], 1); }, {normal({2, 3, 2})}},
      {"unbind/one used", [](const Tensors& x) { return unbind(x[0])[1]; }, {normal({3, 2})}},
      {"repeat",
       [](const Tensors& x) {
         return repeat(x[0], {2, 1, 3});
       },
       {normal({2, 2})}},
      {"roll", [](const Tensors& x) { return roll(x[0], -4, 1); }, {normal({2, 3})}},
  };
}

}  // namespace table
