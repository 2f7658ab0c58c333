// Reductions over any dimensions: sums, maxima, and whatever else combines two values into one.
#pragma once

#include <algorithm>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t reduce_lanes = 2, reduce_chunk = 6;
#else
inline constexpr std::int64_t reduce_lanes = 16;    // accumulators of a chunk: element i goes to lane i % 16
inline constexpr std::int64_t reduce_chunk = 8192;  // elements of an output that are combined before all chunks are
#endif

// x with the dimensions `dims` (sorted) moved to the end: what a reduction over them reads, output by output.
struct ReductionPlan {
  Shape kept;            // the shape of the output
  std::int64_t outputs;  // its elements
  std::int64_t reduced;  // how many elements each of them combines
  Layout layout;         // of (kept..., reduced...)
};
ReductionPlan plan_reduction(const Array& x, const Dims& dims);

// The combination of `count` <= reduce_chunk elements that `reader` hands out, by a fixed number of lanes.
template <class T, class Combine>
T reduce_stream(BlockReader<T>& reader, std::int64_t count, T identity, const Combine& combine) {
  T lanes[reduce_lanes];
  std::fill(lanes, lanes + reduce_lanes, identity);
  T* const lane = lanes;
  for (; count > 0; count -= block_size) {
    const std::int64_t size = std::min(count, block_size);
    const T* const x = reader.next(size);
    at_level([=] {
      T sums[reduce_lanes];
      for (std::int64_t l = 0; l < reduce_lanes; ++l) sums[l] = lane[l];
      std::int64_t i = 0;
      for (; i + reduce_lanes <= size; i += reduce_lanes) {
        for (std::int64_t l = 0; l < reduce_lanes; ++l) sums[l] = combine(sums[l], x[i + l]);
      }
      for (std::int64_t l = 0; i + l < size; ++l) sums[l] = combine(sums[l], x[i + l]);
      for (std::int64_t l = 0; l < reduce_lanes; ++l) lane[l] = sums[l];
    });
  }
  for (std::int64_t width = reduce_lanes / 2; width > 0; width /= 2) {
    for (std::int64_t l = 0; l < width; ++l) lanes[l] = combine(lanes[l], lanes[l + width]);
  }
  return lanes[0];
}

// `combine`, which is associative but for rounding, over the dimensions `dims` of x. Each output is cut into chunks
// whose size is fixed, so the bits do not depend on the number of threads. The result has the kept dimensions only.
template <class T, class Combine>
Tensor reduce(const Tensor& x, const Dims& dims, T identity, const Combine& combine) {
  const ReductionPlan plan = plan_reduction(x.array(), dims);
  const std::int64_t chunks = std::max<std::int64_t>(1, (plan.reduced + reduce_chunk - 1) / reduce_chunk);
  Ref<Array> y = Array::packed(dtype_of<T>, plan.kept);
  const Scratch<T> partial(plan.outputs * chunks);
  const std::int64_t grain =
      std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, plan.reduced / chunks));
  parallel(plan.outputs * chunks, grain, [&](std::int64_t begin, std::int64_t end) {
    BlockReader<T> reader;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t first = task % chunks * reduce_chunk;
      if (plan.reduced > 0) reader.start(x.array(), plan.layout, task / chunks * plan.reduced + first);
      partial[task] = reduce_stream(reader, std::min(reduce_chunk, plan.reduced - first), identity, combine);
    }
  });
  T* const out = y->data<T>();
  for (std::int64_t i = 0; i < plan.outputs; ++i) {
    out[i] = partial[i * chunks];
    for (std::int64_t chunk = 1; chunk < chunks; ++chunk) out[i] = combine(out[i], partial[i * chunks + chunk]);
  }
  return Tensor(std::move(y));
}

}  // namespace ravel::kernels
