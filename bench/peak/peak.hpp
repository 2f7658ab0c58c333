// What the machine can do: the peak that figures of kernels are shares of, and how near its cores are to each other.
#pragma once

namespace ravel::bench {

// Billions of floating-point operations per second that `threads` cores reach at most, in f32, with the instruction set
// in use; a multiply-add counts as two. Measured by each call, in some 25 ms, for the clock of a core is not constant.
double peak_gflops(int threads);

// Seconds that `threads` cores take for `flops` operations each that only multiply and add in registers.
double seconds_of(int threads, double flops);

// Nanoseconds until one of `threads` (>= 2) threads sees what another has written: a number that they pass on in a
// ring; a mean over the ring, the fastest of all batches of hops that fit into 50 ms. Cores that share a cache take a
// fraction of what those of two core complexes or two sockets do.
double handover_ns(int threads);

}  // namespace ravel::bench
