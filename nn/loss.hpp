// Losses as modules: a loss function with its options, for code that is handed a loss to use.
#pragma once

#include "ravel/ops/loss.hpp"

namespace ravel::nn {

// ravel::mse_loss().
struct MseLoss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& x, const Tensor& target) const { return mse_loss(x, target, reduction); }
};

// ravel::l1_loss().
struct L1Loss {
  Reduction reduction = Reduction::mean;
  Tensor operator()(const Tensor& x, const Tensor& target) const { return l1_loss(x, target, reduction); }
};

// ravel::nll_loss(), for log-probabilities.
struct NllLoss {
  NllOptions options = {};
  Tensor operator()(const Tensor& x, const Tensor& target) const { return nll_loss(x, target, options); }
};

// ravel::cross_entropy(), for logits.
struct CrossEntropyLoss {
  CrossEntropyOptions options = {};
  Tensor operator()(const Tensor& logits, const Tensor& target) const { return cross_entropy(logits, target, options); }
};

// ravel::binary_cross_entropy(), for probabilities.
struct BceLoss {
  BceOptions options = {};
  Tensor operator()(const Tensor& x, const Tensor& target) const { return binary_cross_entropy(x, target, options); }
};

// ravel::binary_cross_entropy_with_logits().
struct BceWithLogitsLoss {
  BceWithLogitsOptions options = {};
  Tensor operator()(const Tensor& logits, const Tensor& target) const {
    return binary_cross_entropy_with_logits(logits, target, options);
  }
};

}  // namespace ravel::nn
