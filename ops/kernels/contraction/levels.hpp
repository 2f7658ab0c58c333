// The tables of kernels of all levels in this binary; contraction<T>() chooses among them.
// Like contraction.hpp this header may hold no inline function.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"

namespace ravel::kernels {

namespace baseline {
extern const Contraction<float> contraction_f32;
extern const Contraction<double> contraction_f64;
}  // namespace baseline

#if defined(__x86_64__)
namespace avx2 {
extern const Contraction<float> contraction_f32;
extern const Contraction<double> contraction_f64;
}  // namespace avx2

namespace avx512 {
extern const Contraction<float> contraction_f32;
extern const Contraction<double> contraction_f64;
}  // namespace avx512
#endif

}  // namespace ravel::kernels
