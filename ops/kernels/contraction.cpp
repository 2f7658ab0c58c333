#include "ravel/ops/kernels/contraction/contraction.hpp"

#include "ravel/ops/kernels/contraction/levels.hpp"
#include "ravel/ops/kernels/isa.hpp"

namespace ravel::kernels {

template <>
const Contraction<float>& contraction<float>() {
#if defined(__x86_64__)
  if (isa() == Isa::avx512) return avx512::contraction_f32;
  if (isa() == Isa::avx2) return avx2::contraction_f32;
#endif
  return baseline::contraction_f32;
}

template <>
const Contraction<double>& contraction<double>() {
#if defined(__x86_64__)
  if (isa() == Isa::avx512) return avx512::contraction_f64;
  if (isa() == Isa::avx2) return avx2::contraction_f64;
#endif
  return baseline::contraction_f64;
}

}  // namespace ravel::kernels
