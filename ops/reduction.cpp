#include "ravel/ops/reduction.hpp"

#include "ravel/autograd/record.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/reduce.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

// `shape` with size 1 in the reduced dimensions.
Shape keep_dims(Shape shape, const Dims& dims) {
  for (const std::int64_t dim : dims) shape[static_cast<int>(dim)] = 1;
  return shape;
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  const Dims over = wrap_dims(dims, x.rank(), "sum");
  const Shape kept = keep_dims(x.shape(), over);
  const Tensor total = visit_numeric(
      x.dtype(), "sum", [&]<class T>() { return kernels::reduce<T>(x, over, T{0}, [](T a, T b) { return a + b; }); });
  const Tensor y = keepdim ? reshape(total, kept) : total;
  return record("sum", y,
                Edge{x, [kept, from = x.shape()](const Tensor& g) { return expand(reshape(g, kept), from); }});
}

}  // namespace ravel
