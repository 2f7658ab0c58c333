// Which instruction set the kernels use. Every level is in the one binary; the choice is made once, at run time.
#pragma once

namespace ravel {

// baseline is x86-64 (SSE2), or NEON on aarch64; avx2 includes FMA; avx512 is x86-64-v4 (F, VL, BW, DQ, CD).
enum class Isa { baseline, avx2, avx512 };

// The best level of this processor, or the one that RAVEL_ISA names (an error when the processor lacks it).
Isa isa();
const char* name_of(Isa isa);

}  // namespace ravel
