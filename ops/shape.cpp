#include "ravel/ops/shape.hpp"

#include "ravel/autograd/record.hpp"
#include "ravel/ops/kernels/map.hpp"

namespace ravel {
namespace {

// `shape` with a -1 replaced by the size that makes it hold `x`'s elements.
Shape infer(const Tensor& x, Shape shape) {
  std::int64_t known = 1;
  int unknown = -1;
  for (int dim = 0; dim < shape.rank(); ++dim) {
    if (shape[dim] == -1) {
      require(unknown < 0, "reshape: only one size can be inferred, {} has several -1", shape);
      unknown = dim;
    } else {
      require(!__builtin_mul_overflow(known, shape[dim], &known), "reshape: shape {} has too many elements", shape);
    }
  }
  if (unknown >= 0) shape[unknown] = known > 0 && x.numel() % known == 0 ? x.numel() / known : 0;
  require(shape.numel() == x.numel(), "reshape: {} elements of shape {} do not fit into {}", x.numel(), x.shape(),
          shape);
  return shape;
}

// The strides that show `x`'s elements under `shape` without a copy; false where there are none.
bool view_strides(const Tensor& x, const Shape& shape, Strides& strides) {
  strides = shape.packed_strides();
  if (x.is_packed()) return true;
  const kernels::Layout layout = kernels::coalesce(x.shape(), x.strides());
  int part = layout.shape.rank() - 1;
  std::int64_t left = layout.shape[part], stride = layout.strides[part];
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    if (shape[dim] == 1) continue;
    if (left == 1 && part > 0) {
      --part;
      left = layout.shape[part];
      stride = layout.strides[part];
    }
    if (left % shape[dim] != 0) return false;
    strides[dim] = stride;
    left /= shape[dim];
    stride *= shape[dim];
  }
  return true;
}

}  // namespace

Tensor packed(const Tensor& x) {
  if (x.is_packed()) return x;
  return record("packed",
                kernels::map_any(
                    "packed", [](auto v) { return v; }, x),
                Edge{x, [](const Tensor& g) { return g; }});
}

Tensor reshape(const Tensor& x, const Shape& new_shape) {
  const Shape shape = infer(x, new_shape);
  if (shape == x.shape()) return x;
  Strides strides;
  const Tensor value = view_strides(x, shape, strides) ? x.detach() : packed(x.detach());
  if (value.is_packed()) strides = shape.packed_strides();
  return record("reshape", Tensor(Array::view(value.array(), shape, strides, 0)),
                Edge{x, [from = x.shape()](const Tensor& g) { return reshape(g, from); }});
}

Tensor permute(const Tensor& x, const Dims& dims) {
  require(dims.rank() == x.rank(), "permute: {} dimensions for a tensor of rank {}", dims.rank(), x.rank());
  wrap_dims(dims, x.rank(), "permute");  // checks for repeats
  Shape shape;
  Strides strides;
  Dims inverse = dims;
  for (int i = 0; i < dims.rank(); ++i) {
    const int dim = wrap_dim(dims[i], x.rank(), "permute");
    shape.push_back(x.shape()[dim]);
    strides.push_back(x.strides()[dim]);
    inverse[dim] = i;
  }
  return record("permute", Tensor(Array::view(x.array(), shape, strides, 0)),
                Edge{x, [inverse](const Tensor& g) { return permute(g, inverse); }});
}

}  // namespace ravel
