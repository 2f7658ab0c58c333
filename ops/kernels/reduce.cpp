#include "ravel/ops/kernels/reduce.hpp"

#include "ravel/ops/kernels/block_sizes.hpp"

namespace ravel::kernels {

ReductionPlan plan_reduction(const Array& x, const Dims& dims) {
  ReductionPlan plan;
  Shape shapes[2];  // of the kept and of the reduced dimensions
  Strides strides[2];
  for (int dim = 0; dim < x.shape().rank(); ++dim) {
    const int which = dims.contains(dim) ? 1 : 0;
    shapes[which].push_back(x.shape()[dim]);
    strides[which].push_back(x.strides()[dim]);
  }
  plan.kept = shapes[0];
  plan.outputs = shapes[0].numel();
  plan.reduced = shapes[1].numel();
  plan.chunks = blocks_of(plan.reduced, reduce_chunk);
  plan.outer = coalesce(shapes[0], strides[0]);
  plan.rows = coalesce(shapes[1], strides[1]);

  Shape shape = shapes[0];
  Strides stride = strides[0];
  for (int i = 0; i < shapes[1].rank(); ++i) {
    shape.push_back(shapes[1][i]);
    stride.push_back(strides[1][i]);
  }
  plan.stream = coalesce(shape, stride);

  std::int64_t& innermost = plan.outer.shape[plan.outer.shape.rank() - 1];
  const bool adjacent = plan.outer.strides.back() == 1;
  plan.columns = adjacent ? innermost : 1;
  if (adjacent) innermost = 1;
  // Rows that are both narrow and few cost more in bookkeeping than the copy that the other kernel makes.
  plan.by_rows = plan.columns >= 8 || (plan.columns > 1 && plan.columns * plan.reduced >= 128);
  return plan;
}

void fill_offsets(const Layout& layout, std::int64_t begin, std::int64_t count, std::int64_t* offsets) {
  const int last = layout.shape.rank() - 1;
  const std::int64_t length = layout.shape[last], stride = layout.strides[last];
  for (std::int64_t done = 0; done < count;) {
    std::int64_t rest = (begin + done) / length, base = 0;
    for (int dim = last - 1; dim >= 0; --dim) {
      base += rest % layout.shape[dim] * layout.strides[dim];
      rest /= layout.shape[dim];
    }
    const std::int64_t first = (begin + done) % length, run = std::min(count - done, length - first);
    for (std::int64_t i = 0; i < run; ++i) offsets[done + i] = base + (first + i) * stride;
    done += run;
  }
}

}  // namespace ravel::kernels
