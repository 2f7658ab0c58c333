// Dropout.
#pragma once

#include "ravel/autograd/random.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel {

// While training, `x` with each element replaced by 0 with probability `p` in [0, 1] and the others multiplied with
// 1 / (1 - p); else x itself (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014). The mask is never stored:
// it is a function of the thread's next random key and of the element's index, and drawn again for the gradient. The
// result may be written into x's memory if nothing else refers to it.
Tensor dropout(Tensor x, double p = 0.5, bool training = true);
// The same with the mask of `key`.
Tensor dropout(Tensor x, double p, const RandomKey& key);

}  // namespace ravel
