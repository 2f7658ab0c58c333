#include "ravel/autograd/shape.hpp"

#include <fmt/ranges.h>

#include "ravel/autograd/dtype.hpp"

namespace ravel {

Shape Shape::repeat(int rank, std::int64_t value) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(value);
  return shape;
}

void Shape::insert(int dim, std::int64_t value) {
  require(rank_ < max_rank, "a shape has at most {} dimensions: {} cannot take another", max_rank, *this);
  std::copy_backward(begin() + dim, end(), end() + 1);
  values_[static_cast<std::size_t>(dim)] = value;
  ++rank_;
}

void Shape::erase(int dim) {
  std::copy(begin() + dim + 1, end(), begin() + dim);
  --rank_;
}

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  bool overflow = false, empty = false;
  for (const std::int64_t size : *this) {
    require(size >= 0, "shape {} has a negative size", *this);
    empty |= size == 0;
    overflow |= __builtin_mul_overflow(product, size, &product);
  }
  if (empty) return 0;
  require(!overflow, "shape {} has more elements than a 64-bit integer can count", *this);
  return product;
}

Shape Shape::packed_strides() const {
  Shape strides = *this;
  std::int64_t stride = 1;
  for (int dim = rank_ - 1; dim >= 0; --dim) {
    strides[dim] = stride;
    if (__builtin_mul_overflow(stride, std::max<std::int64_t>((*this)[dim], 1), &stride))
      stride = 0;  // it has no elements
  }
  return strides;
}

int wrap_dim(std::int64_t dim, int rank, const char* op) {
  const int range = std::max(rank, 1);  // a rank-0 tensor accepts dimension 0 and -1, as in PyTorch
  require(dim >= -range && dim < range, "{}: dimension {} is out of range [{}, {}] of a tensor of rank {}", op, dim,
          -range, range - 1, rank);
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

Dims wrap_dims(const Dims& dims, int rank, const char* op) {
  Dims wrapped;
  if (dims.empty()) {
    for (int dim = 0; dim < rank; ++dim) wrapped.push_back(dim);
    return wrapped;
  }
  for (const std::int64_t dim : dims) wrapped.push_back(wrap_dim(dim, rank, op));
  std::sort(wrapped.begin(), wrapped.end());
  require(std::adjacent_find(wrapped.begin(), wrapped.end()) == wrapped.end(), "{}: a dimension appears twice in {}",
          op, dims);
  if (rank == 0) wrapped = {};
  return wrapped;
}

std::string to_string(const Shape& shape) {
  return fmt::format("({}{})", fmt::join(shape.begin(), shape.end(), ", "), shape.rank() == 1 ? "," : "");
}

}  // namespace ravel

fmt::format_context::iterator fmt::formatter<ravel::Shape>::format(const ravel::Shape& shape,
                                                                   fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", ravel::to_string(shape));
}

fmt::format_context::iterator fmt::formatter<ravel::Dtype>::format(ravel::Dtype dtype,
                                                                   fmt::format_context& context) const {
  return fmt::format_to(context.out(), "{}", ravel::name_of(dtype));
}
