#include "op_table.hpp"

namespace table {

using namespace ravel;

namespace {

constexpr Reduction none = Reduction::none, total = Reduction::sum;
Tensor class_weight(Dtype dtype) { return tensor({0.5, 1.5, 0.25, 2.0}, dtype); }

}  // namespace

std::vector<Row> loss_rows() {
  return {
      {"mse_loss", [](const Tensors& x) { return mse_loss(x[0], x[1]); }, {normal({2, 3}), normal({2, 3})}},
      {"mse_loss/none", [](const Tensors& x) { return mse_loss(x[0], x[1], none); }, {normal({2, 3}), normal({2, 3})}},
      {"l1_loss", [](const Tensors& x) { return l1_loss(x[0], x[1]); }, {apart({2, 3}), normal({2, 3})}},
      {"l1_loss/sum", [](const Tensors& x) { return l1_loss(x[0], x[1], total); }, {apart({2, 3}), normal({2, 3})}},
      {"huber_loss",
       [](const Tensors& x) { return huber_loss(x[0], x[1], {.delta = 0.7}); },
       {apart({2, 3}), normal({2, 3})}},
      {"smooth_l1_loss",
       [](const Tensors& x) { return smooth_l1_loss(x[0], x[1], {.beta = 0.7}); },
       {apart({2, 3}), normal({2, 3})}},
      {"nll_loss", [](const Tensors& x) { return nll_loss(x[0], x[1]); }, {normal({5, 4}), integers(0, 4, {5})}},
      {"nll_loss/one", [](const Tensors& x) { return nll_loss(x[0], x[1]); }, {normal({4}), integers(0, 4, {})}},
      {"nll_loss/options",
       [](const Tensors& x) { return nll_loss(x[0], x[1], {.weight = class_weight(x[0].dtype()), .ignore_index = 2}); },
       {normal({3, 4, 5}), integers(0, 4, {3, 5})}},
      {"nll_loss/none",
       [](const Tensors& x) { return nll_loss(x[0], x[1], {.reduction = none}); },
       {normal({3, 4, 5}), integers(0, 4, {3, 5})}},
      {"nll_loss_backward",
       [](const Tensors& x) { return nll_loss_backward(x[0], x[1], 4, {.weight = class_weight(x[0].dtype())}); },
       {normal({5}), integers(0, 4, {5})}},
      {"cross_entropy",
       [](const Tensors& x) { return cross_entropy(x[0], x[1]); },
       {normal({5, 4}), integers(0, 4, {5})}},
      {"cross_entropy/one",
       [](const Tensors& x) { return cross_entropy(x[0], x[1]); },
       {normal({4}), integers(0, 4, {})}},
      {"cross_entropy/sum",
       [](const Tensors& x) { return cross_entropy(x[0], x[1], {.reduction = total}); },
       {normal({2, 19}), integers(0, 19, {2})}},
      {"cross_entropy/options",
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1],
                              {.weight = class_weight(x[0].dtype()), .ignore_index = 2, .label_smoothing = 0.1});
       },
       {normal({6, 4}), integers(0, 4, {6})}},
      {"cross_entropy/none",
       [](const Tensors& x) { return cross_entropy(x[0], x[1], {.reduction = none}); },
       {normal({3, 4, 2}), integers(0, 4, {3, 2})}},
      {"cross_entropy/probabilities",
       [](const Tensors& x) {
         return cross_entropy(x[0], x[1], {.weight = class_weight(x[0].dtype()), .label_smoothing = 0.1});
       },
       {normal({3, 4, 2}), unit({3, 4, 2})}},
      {"cross_entropy_backward",
       [](const Tensors& x) { return cross_entropy_backward(x[0], x[1], x[2]); },
       {normal({5}), normal({5, 4}), integers(0, 4, {5})}},
      {"cross_entropy_backward/options",
       [](const Tensors& x) {
         const CrossEntropyOptions options{
             .weight = class_weight(x[1].dtype()), .ignore_index = 2, .label_smoothing = 0.1};
         return cross_entropy_backward(x[0], x[1], x[2], options);
       },
       {normal({6}), normal({6, 4}), integers(0, 4, {6})}},
      {"binary_cross_entropy",
       [](const Tensors& x) { return binary_cross_entropy(x[0], x[1]); },
       {unit({2, 3}), unit({2, 3})}},
      {"binary_cross_entropy/options",
       [](const Tensors& x) { return binary_cross_entropy(x[0], x[1], {.weight = x[2], .reduction = none}); },
       {unit({2, 3}), unit({2, 3}), positive({3})}},
      {"binary_cross_entropy_with_logits",
       [](const Tensors& x) { return binary_cross_entropy_with_logits(x[0], x[1]); },
       {normal({2, 3}), unit({2, 3})}},
      {"binary_cross_entropy_with_logits/options",
       [](const Tensors& x) {
         return binary_cross_entropy_with_logits(x[0], x[1], {.weight = x[2], .pos_weight = x[3], .reduction = total});
       },
       {normal({2, 3}), unit({2, 3}), positive({3}), positive({2, 1})}},
  };
}

}  // namespace table
