#include "ravel/ops/kernels/math.hpp"

namespace ravel::kernels::detail {

// Beyond them exp, expm1 + 1 and tanh are 0, infinity or 1, and pow, whose bounds are of the exponent of 2, as well.
extern const Bounds<float> exp_bounds{-104, 89}, expm1_bounds{-18, 89}, tanh_bounds{0, 20};
extern const Bounds<float> erf_bounds{-3.92f, 3.92f}, one{-1, 1};
extern const Bounds<double> pow_bounds{-151, 129};

}  // namespace ravel::kernels::detail
