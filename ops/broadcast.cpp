#include "ravel/ops/broadcast.hpp"

#include "ravel/autograd/record.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  Shape shape = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int lead = shape.rank() - shorter.rank();
  for (int dim = 0; dim < shorter.rank(); ++dim) {
    std::int64_t& size = shape[lead + dim];
    if (size == 1) size = shorter[dim];
    require(size == shorter[dim] || shorter[dim] == 1, "{}: shapes {} and {} do not broadcast", op, a, b);
  }
  return shape;
}

Tensor expand(const Tensor& x, const Shape& shape) {
  const int lead = shape.rank() - x.rank();
  require(lead >= 0, "expand: shape {} has fewer dimensions than {}", shape, x.shape());
  Shape sizes = shape;
  Strides strides = Shape::repeat(shape.rank(), 0);
  for (int dim = 0; dim < x.rank(); ++dim) {
    std::int64_t& size = sizes[lead + dim];
    if (size == -1) size = x.shape()[dim];
    require(x.shape()[dim] == size || x.shape()[dim] == 1, "expand: shape {} does not expand to {}", x.shape(), shape);
    strides[lead + dim] = x.shape()[dim] == size ? x.strides()[dim] : 0;
  }
  return record("expand", Tensor(Array::view(x.array(), sizes, strides, 0)),
                Edge{x, [from = x.shape()](const Tensor& g) { return sum_to(g, from); }});
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  require(broadcast_shapes("sum_to", shape, x.shape()) == x.shape(), "sum_to: shape {} does not expand to {}", shape,
          x.shape());
  if (x.shape() == shape) return x;
  const int lead = x.rank() - shape.rank();
  Dims dims;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (dim < lead || (shape[dim - lead] == 1 && x.shape()[dim] != 1)) dims.push_back(dim);
  }
  return reshape(sum(x, dims, true), shape);
}

Tensor broadcast(const char* op, const Tensor& x, const Tensor& other) {
  if (x.shape() == other.shape()) return x;
  const Shape shape = broadcast_shapes(op, x.shape(), other.shape());
  return x.shape() == shape ? x : expand(x, shape);
}

}  // namespace ravel
