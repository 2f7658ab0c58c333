// Loops that are compiled once per instruction set and chosen at run time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "ravel/ops/kernels/isa.hpp"

// The attributes of a function for one level. Inside it the whole body is inlined, so that what it calls is compiled
// for that level too and no code of a level is ever shared with the rest of the program.
#if defined(__x86_64__) && defined(__clang__)
#define RAVEL_AVX2 __attribute__((target("arch=x86-64-v3"), flatten))
#define RAVEL_AVX512 __attribute__((target("arch=x86-64-v4"), flatten))
#elif defined(__x86_64__)
#define RAVEL_AVX2 __attribute__((target("arch=x86-64-v3"), flatten))
#define RAVEL_AVX512 __attribute__((target("arch=x86-64-v4,prefer-vector-width=512"), flatten))
#endif

// Says of the loop that follows that its iterations are independent although an output may be one of the inputs; that
// it is to stay a loop, which can become vector instructions where its unrolled body could not.
#if defined(__clang__)
#define RAVEL_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define RAVEL_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define RAVEL_INDEPENDENT _Pragma("GCC ivdep")
#define RAVEL_KEEP_LOOP _Pragma("GCC unroll 1")
#endif

namespace ravel::kernels {
namespace detail {

// Called, not inlined, at every level.
template <class Body>
__attribute__((flatten, noinline)) void run_baseline(const Body body) {
  body();
}
#if defined(__x86_64__)
template <class Body>
RAVEL_AVX2 void run_avx2(const Body body) {
  body();
}
template <class Body>
RAVEL_AVX512 void run_avx512(const Body body) {
  body();
}
#endif

}  // namespace detail

// Runs `body`, a loop over arrays, compiled for the instruction set in use. Floating-point results are the same at
// every level: nothing in such a loop is contracted or reordered.
template <class Body>
void at_level(const Body& body) {
  switch (isa()) {
#if defined(__x86_64__)
    case Isa::avx512: return detail::run_avx512(body);
    case Isa::avx2: return detail::run_avx2(body);
#endif
    default: return detail::run_baseline(body);
  }
}

// Calls f with a stride that is known to the compiler where it can make use of that.
template <class F>
void with_stride(std::int64_t stride, const F& f) {
  if (stride == 1) {
    f(std::integral_constant<std::int64_t, 1>());
  } else if (stride == 2) {
    f(std::integral_constant<std::int64_t, 2>());
  } else {
    f(stride);
  }
}

// Calls f(i), which handles one element of arrays, for all i < count: in blocks of a constant length, which become
// vector instructions without a remainder. The last block overlaps the one before, so f must be one that may be done
// twice.
template <int block = 16, class F>
void for_each_in_blocks(std::int64_t count, const F& f) {
  if constexpr (block == 1) {
    for (std::int64_t i = 0; i < count; ++i) f(i);
  } else if (count < block) {
    for_each_in_blocks<block / 2>(count, f);
  } else {
    for (std::int64_t i = 0; i < count; i += block) {
      const std::int64_t first = std::min(i, count - block);
      RAVEL_INDEPENDENT RAVEL_KEEP_LOOP for (int j = 0; j < block; ++j) f(first + j);
    }
  }
}

}  // namespace ravel::kernels
