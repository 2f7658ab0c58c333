// The value of a tensor: an immutable strided array.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ravel/autograd/dtype.hpp"
#include "ravel/autograd/ref.hpp"
#include "ravel/autograd/shape.hpp"

namespace ravel {

// Elements of one type in a block of memory, or a view of another array's elements. Kernels write a fresh array before
// anybody else sees it; it never changes while anybody else refers to it.
class Array : public Counted {
 public:
  // A packed (row-major, without gaps) array whose elements are not yet written.
  static Ref<Array> packed(Dtype dtype, const Shape& shape);
  // The elements of `base` at `offset` elements from its first, with other shape and strides; no copy.
  static Ref<Array> view(const Array& base, const Shape& shape, const Strides& strides, std::int64_t offset);

  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  Dtype dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Strides& strides() const { return strides_; }
  std::int64_t numel() const { return numel_; }
  bool is_packed() const { return is_packed_; }
  // The first element. T must be the C++ type of dtype(). Only who made the array, or alone holds it, may write.
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(data_);
  }
  // Does this array own its memory, and does nothing else refer to it? Then a kernel may write its result here.
  bool is_reusable() const { return !base_ && is_packed_ && unique(); }

  friend void destroy(const Array* array);

 private:
  Array(Dtype dtype, const Shape& shape, const Strides& strides, std::int64_t numel, bool is_packed)
      : dtype_(dtype), is_packed_(is_packed), shape_(shape), strides_(strides), numel_(numel) {}
  ~Array() = default;

  Dtype dtype_;
  bool is_packed_;
  Shape shape_;
  Strides strides_;
  std::int64_t numel_;
  std::size_t block_bytes_ = 0;  // of the allocation that holds this object and, in a packed array, its elements
  std::byte* data_ = nullptr;
  Ref<const Array> base_;  // the array that owns the memory, null if this one does
};

}  // namespace ravel
