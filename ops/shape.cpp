#include "ravel/ops/shape.hpp"

#include <limits>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/kernels/copy.hpp"
#include "ravel/ops/kernels/map.hpp"

namespace ravel {
namespace {

// `shape` with a -1 replaced by the size that makes it hold `x`'s elements.
Shape infer(const Tensor& x, Shape shape) {
  const Shape asked = shape;
  int unknown = -1;
  for (int dim = 0; dim < shape.rank(); ++dim) {
    if (shape[dim] != -1) continue;
    require(unknown < 0, "reshape: only one size can be inferred, {} has several -1", asked);
    unknown = dim;
    shape[dim] = 1;
  }
  const std::int64_t known = shape.numel();
  if (unknown >= 0) {
    require(known != 0, "reshape: the -1 in {} could be any size beside a size of 0; give it", asked);
    shape[unknown] = x.numel() / known;
  }
  require(shape.numel() == x.numel(), "reshape: {} elements of shape {} do not fit into {}", x.numel(), x.shape(),
          asked);
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

template <class To, class From>
To convert(From value) {
  using Range = std::numeric_limits<To>;
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (!(value >= static_cast<From>(Range::min()))) return value < 0 ? Range::min() : To{0};
    return value >= static_cast<From>(Range::max()) ? Range::max() : static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Tensor packed(const Tensor& x) {
  if (x.is_packed()) return x;
  return record("packed", Tensor(kernels::packed_copy(x.array())), Edge{x, [](const Tensor& g) { return g; }});
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

Tensor flatten(const Tensor& x, std::int64_t start, std::int64_t end) {
  const int first = wrap_dim(start, x.rank(), "flatten"), last = wrap_dim(end, x.rank(), "flatten");
  require(first <= last, "flatten: dimension {} does not come before {}", start, end);
  if (x.rank() == 0) return reshape(x, 1);
  Shape shape = x.shape();
  for (int dim = first; dim < last; ++dim) {
    shape[first] *= shape[first + 1];
    shape.erase(first + 1);
  }
  return reshape(x, shape);
}

Tensor unflatten(const Tensor& x, std::int64_t dim, const Shape& sizes) {
  require(x.rank() > 0, "unflatten: a tensor of rank 0 has no dimension to unflatten");
  const int at = wrap_dim(dim, x.rank(), "unflatten");
  const std::int64_t size = x.shape()[at];
  Shape shape = x.shape(), known = sizes;
  const auto unknown = std::find(known.begin(), known.end(), -1);
  if (unknown != known.end()) {
    *unknown = 1;
    const std::int64_t product = known.numel();
    *unknown = product == 0 ? 0 : size / product;
  }
  require(known.numel() == size, "unflatten: size {} of dimension {} is not the product of {}", size, dim, sizes);
  shape.erase(at);
  for (int i = 0; i < known.rank(); ++i) shape.insert(at + i, known[i]);
  return reshape(x, shape);
}

Tensor squeeze(const Tensor& x, const Dims& dims) {
  const Dims over = wrap_dims(dims, x.rank(), "squeeze");
  Shape shape;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (x.shape()[dim] != 1 || !over.contains(dim)) shape.push_back(x.shape()[dim]);
  }
  return reshape(x, shape);
}

Tensor unsqueeze(const Tensor& x, std::int64_t dim) {
  Shape shape = x.shape();
  shape.insert(wrap_dim(dim, x.rank() + 1, "unsqueeze"), 1);
  return reshape(x, shape);
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

Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b) {
  const int first = wrap_dim(a, x.rank(), "transpose"), second = wrap_dim(b, x.rank(), "transpose");
  if (first == second) return x;
  Dims dims = wrap_dims({}, x.rank(), "transpose");
  std::swap(dims[first], dims[second]);
  return permute(x, dims);
}

Tensor t(const Tensor& x) {
  require(x.rank() <= 2, "t: shape {} is no matrix; use transpose(x, a, b)", x.shape());
  return x.rank() < 2 ? x : transpose(x, 0, 1);
}

Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination) {
  require(source.rank() == destination.rank(), "movedim: {} dimensions cannot move to {} positions", source.rank(),
          destination.rank());
  if (source.empty()) return x;
  const Dims moved = wrap_dims(source, x.rank(), "movedim"), taken = wrap_dims(destination, x.rank(), "movedim");
  Dims order = Dims::repeat(x.rank(), 0);
  for (int i = 0; i < moved.rank(); ++i) {
    order[wrap_dim(destination[i], x.rank(), "movedim")] = wrap_dim(source[i], x.rank(), "movedim");
  }
  int next = 0;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (moved.contains(dim)) continue;
    while (taken.contains(next)) ++next;
    order[next++] = dim;
  }
  return permute(x, order);
}

Tensor cast(const Tensor& x, Dtype dtype) {
  if (dtype == x.dtype()) return x;
  const Tensor y = visit_any(x.dtype(), [&]<class From>() {
    return visit_any(dtype,
                     [&]<class To>() { return kernels::map<From>([](From value) { return convert<To>(value); }, x); });
  });
  if (!is_floating(dtype)) return y;
  return record("cast", y, Edge{x, [from = x.dtype()](const Tensor& g) { return cast(g, from); }});
}

}  // namespace ravel
