// Which instruction set the kernels use. Every level is in the one binary; the choice is made once, at run time.
#pragma once

namespace ravel {

// baseline is x86-64 (SSE2); avx2 includes FMA; avx512 is x86-64-v4 (F, VL, BW, DQ, CD). On aarch64 there is neon
// alone: what is compiled for the baseline there.
enum class Isa { baseline, avx2, avx512, neon };

// The best level of this processor, or the one that RAVEL_ISA names (an error when the processor lacks it).
Isa isa();
// As RAVEL_ISA spells it: "avx2".
const char* name_of(Isa isa);

}  // namespace ravel
