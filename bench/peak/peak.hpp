// The peak that figures of kernels are shares of.
#pragma once

namespace ravel::bench {

// Billions of floating-point operations per second that `threads` cores reach at most, in f32, with the instruction set
// in use; a multiply-add counts as two. Measured once in a run for each number of threads.
double peak_gflops(int threads);

// Seconds that `threads` cores take for `flops` operations each that only multiply and add in registers.
double seconds_of(int threads, double flops);

}  // namespace ravel::bench
