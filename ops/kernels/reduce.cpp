#include "ravel/ops/kernels/reduce.hpp"

namespace ravel::kernels {

ReductionPlan plan_reduction(const Array& x, const Dims& dims) {
  ReductionPlan plan;
  Shape shape;
  Strides strides;
  for (const bool reduced : {false, true}) {
    for (int dim = 0; dim < x.shape().rank(); ++dim) {
      if (dims.contains(dim) != reduced) continue;
      shape.push_back(x.shape()[dim]);
      strides.push_back(x.strides()[dim]);
      if (!reduced) plan.kept.push_back(x.shape()[dim]);
    }
  }
  plan.outputs = plan.kept.numel();
  plan.reduced = 1;
  for (const std::int64_t dim : dims) plan.reduced *= x.shape()[static_cast<int>(dim)];
  plan.layout = coalesce(shape, strides);
  return plan;
}

}  // namespace ravel::kernels
