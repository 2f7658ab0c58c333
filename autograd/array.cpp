#include "ravel/autograd/array.hpp"

#include <new>

#include "ravel/autograd/memory.hpp"

namespace ravel {
namespace {

// The header and the elements share a block; elements start at the next multiple of 64 bytes.
constexpr std::size_t header_bytes = (sizeof(Array) + 63) / 64 * 64;

bool has_packed_strides(const Shape& shape, const Strides& strides, std::int64_t numel) {
  if (numel == 0) return true;
  std::int64_t stride = 1;
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    if (shape[dim] != 1 && strides[dim] != stride) return false;
    stride *= shape[dim];
  }
  return true;
}

}  // namespace

Ref<Array> Array::packed(Dtype dtype, const Shape& shape) {
  const std::int64_t numel = shape.numel();
  require(numel <= (std::int64_t{1} << 50), "a {} tensor of shape {} does not fit into memory", dtype, shape);
  const std::size_t bytes = header_bytes + static_cast<std::size_t>(numel) * static_cast<std::size_t>(size_of(dtype));
  auto* const block = static_cast<std::byte*>(allocate(bytes));
  auto* const array = new (block) Array(dtype, shape, shape.packed_strides(), numel, true);
  array->block_bytes_ = bytes;
  array->data_ = block + header_bytes;
  return Ref<Array>::adopt(array);
}

Ref<Array> Array::view(const Array& base, const Shape& shape, const Strides& strides, std::int64_t offset) {
  const std::int64_t numel = shape.numel();
  void* const block = allocate(sizeof(Array));
  auto* const array = new (block) Array(base.dtype_, shape, strides, numel, has_packed_strides(shape, strides, numel));
  array->block_bytes_ = sizeof(Array);
  array->data_ = base.data_ + offset * size_of(base.dtype_);
  array->base_ = base.base_ ? base.base_ : Ref<const Array>(&base);
  return Ref<Array>::adopt(array);
}

void destroy(const Array* array) {
  const std::size_t bytes = array->block_bytes_;
  array->~Array();
  deallocate(const_cast<Array*>(array), bytes);
}

}  // namespace ravel
