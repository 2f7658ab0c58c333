// A loop that does nothing but multiply and add, one for each level of instruction set: the measure of all kernels.
//
// Like the headers of the contraction kernels this one may hold no inline function.
#pragma once

#include <cstdint>

namespace ravel::kernels {

// `flops` floating-point operations on numbers that stay in registers; the result is of no interest.
// A multiply-add is two operations. Where a level has none it is a multiplication and an addition.
namespace baseline {
float multiply_adds(std::int64_t flops);
}
namespace avx2 {
float multiply_adds(std::int64_t flops);
}
namespace avx512 {
float multiply_adds(std::int64_t flops);
}

}  // namespace ravel::kernels
