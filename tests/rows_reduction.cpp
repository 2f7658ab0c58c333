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
      {"sum/rows", [](const Tensors& x) { return sum(x[0], 0); }, {normal({5, 9})}},
      {"sum/mask", [](const Tensors& x) { return sum(x[0], 1); }, {mask({3, 40})}, {.no_gradient = true}},
      {"mean", [](const Tensors& x) { return mean(x[0]); }, {normal({2, 3, 4})}},
      {"mean/dims",
       [](const Tensors& x) {
         return mean(x[0], {0, -1}, true);
       },
       {normal({2, 3, 4})}},
      {"prod", [](const Tensors& x) { return prod(x[0]); }, {positive({5})}},
      {"prod/dims",
       [](const Tensors& x) {
         return prod(x[0], {0, 2}, true);
       },
       {normal({2, 3, 2})}},
      {"max", [](const Tensors& x) { return max(x[0]); }, {apart({2, 3, 4})}},
      {"max/dims",
       [](const Tensors& x) {
         return max(x[0], {0, 2});
       },
       {apart({2, 3, 4})}},
      {"max/keepdim", [](const Tensors& x) { return max(x[0], 1, true); }, {apart({2, 3, 4})}},
      {"min", [](const Tensors& x) { return min(x[0]); }, {apart({2, 3, 4})}},
      {"min/dims",
       [](const Tensors& x) {
         return min(x[0], {0, 1}, true);
       },
       {apart({2, 3, 4})}},
      {"argmax", [](const Tensors& x) { return argmax(x[0], 1); }, {apart({2, 3, 4})}, {.no_gradient = true}},
      {"argmin", [](const Tensors& x) { return argmin(x[0]); }, {apart({2, 3, 4})}, {.no_gradient = true}},
      {"var", [](const Tensors& x) { return var(x[0]); }, {normal({2, 3, 4})}},
      {"var/correction",
       [](const Tensors& x) {
         return var(x[0], {0, 2}, {.correction = 0, .keepdim = true});
       },
       {normal({2, 3, 4})}},
      {"stddev", [](const Tensors& x) { return stddev(x[0], 1); }, {normal({2, 3, 4})}, {.f32_tolerance = 2e-5}},
      {"norm", [](const Tensors& x) { return norm(x[0]); }, {normal({2, 3, 4})}},
      {"norm/dims", [](const Tensors& x) { return norm(x[0], -1, true); }, {normal({2, 3, 4})}},
      {"logsumexp", [](const Tensors& x) { return logsumexp(x[0]); }, {normal({2, 3, 4})}},
      {"logsumexp/dims",
       [](const Tensors& x) {
         return logsumexp(x[0], {0, -1}, true);
       },
       {normal({2, 3, 4})}},
      {"cumsum", [](const Tensors& x) { return cumsum(x[0], 1); }, {normal({2, 3, 4})}},
      {"cumsum/reverse", [](const Tensors& x) { return cumsum(x[0], -1, {.reverse = true}); }, {normal({2, 3, 4})}},
      {"all", [](const Tensors& x) { return all(x[0], 1); }, {mask({9, 2})}, {.no_gradient = true}},
      {"any", [](const Tensors& x) { return any(x[0], -1, true); }, {mask({9, 2})}, {.no_gradient = true}},
  };
}

}  // namespace table
