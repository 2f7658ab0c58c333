// Losses. Shapes, names and defaults are PyTorch's; a target must have exactly the shape that is asked for.
#pragma once

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// What becomes of the losses of the single elements or samples: their mean, their sum, or themselves.
enum class Reduction { mean, sum, none };

// (x - target)^2 of tensors of one shape.
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
// |x - target| of tensors of one shape; the gradient is 0 where they are equal.
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);

struct HuberOptions {
  double delta = 1;  // where the loss goes over from a parabola to a line
  Reduction reduction = Reduction::mean;
};
// d^2 / 2 where d = |x - target| < delta, else delta (d - delta / 2) (Huber 1964), of tensors of one shape.
Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberOptions& options = {});

struct SmoothL1Options {
  double beta = 1;  // as delta of huber_loss; 0 makes it l1_loss
  Reduction reduction = Reduction::mean;
};
// huber_loss with delta = beta, divided by beta.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1Options& options = {});

struct NllOptions {
  Tensor weight = {};                // of each class (C), of the type of x, without a gradient; 1 if undefined
  std::int64_t ignore_index = -100;  // samples with this target count nothing
  Reduction reduction = Reduction::mean;
};
// -weight[t] x[t], the negative log-likelihood of class t = target, for log-probabilities x (N, C), (C) or (N, C, d...)
// and class indices (i64) of shape (N), () or (N, d...). The mean is weighted: the sum over that of the weights of the
// targets. An error that names label, position and range for a label outside [0, C).
Tensor nll_loss(const Tensor& x, const Tensor& target, const NllOptions& options = {});
// The gradient of nll_loss without reduction, as rows (N, classes), for g and target of shape (N).
Tensor nll_loss_backward(const Tensor& g, const Tensor& target, std::int64_t classes, const NllOptions& options = {});

struct CrossEntropyOptions {
  Tensor weight = {};                // of each class (C), of the type of the logits, without a gradient; 1 if undefined
  std::int64_t ignore_index = -100;  // samples with this class index count nothing
  double label_smoothing = 0;        // the share of the target that is spread evenly over all classes, in [0, 1]
  Reduction reduction = Reduction::mean;
};
// The cross-entropy of softmax(logits) for logits (N, C), (C) or (N, C, d...) and either class indices (i64) as in
// nll_loss(), whose mean and errors it shares, or class probabilities of the shape of the logits, whose mean is over
// samples.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});
// The gradient of cross_entropy without reduction for g (N), logits (N, C) and class indices (N). `statistics` (2, N)
// has the largest logit of each row and the sum of exp(logit - largest), computed here if undefined.
Tensor cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target,
                              const CrossEntropyOptions& options = {}, const Tensor& statistics = {});

struct BceOptions {
  Tensor weight = {};  // of each loss; broadcast; 1 if undefined
  Reduction reduction = Reduction::mean;
};
// -(target log(x) + (1 - target) log(1 - x)) for probabilities x in [0, 1] and targets of the same shape. As in PyTorch
// logarithms end at -100, and the gradient's divisor x (1 - x) at 1e-12.
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BceOptions& options = {});

struct BceWithLogitsOptions {
  Tensor weight = {};      // of each loss; broadcast; 1 if undefined
  Tensor pos_weight = {};  // of the positive part of each loss; broadcast; 1 if undefined
  Reduction reduction = Reduction::mean;
};
// binary_cross_entropy(sigmoid(x), target), without overflow.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const BceWithLogitsOptions& options = {});

}  // namespace ravel
