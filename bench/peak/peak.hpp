// The peak that figures of kernels are shares of.
#pragma once

namespace ravel::bench {

// Billions of floating-point operations per second that `threads` cores reach at most, in f32, with the instruction set
// in use; a multiply-add counts as two. Measured by each call, in some 25 ms, for the clock of a core is not constant.
double peak_gflops(int threads);

// Seconds that `threads` cores take for `flops` operations each that only multiply and add in registers.
double seconds_of(int threads, double flops);

}  // namespace ravel::bench
