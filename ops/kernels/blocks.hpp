// Reading any strided array as a stream of packed blocks, so that every loop only ever sees packed memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "ravel/autograd/array.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t block_size = 4;
inline constexpr std::int64_t elements_per_task = 8;
#else
inline constexpr std::int64_t block_size = 512;             // elements that a loop handles at a time; they stay in L1
inline constexpr std::int64_t elements_per_task = 1 << 15;  // the least share that is worth a thread
#endif

// A shape and strides with the same elements in the same order as an array, in as few dimensions as possible: at least
// one, and just that of size 0 if there are no elements.
struct Layout {
  Shape shape;
  Strides strides;
};
Layout coalesce(const Shape& shape, const Strides& strides);

// Where element number `position` of `shape`, counted in row-major order, lies in memory with these strides.
inline std::int64_t offset_of(std::int64_t position, const Shape& shape, const Strides& strides) {
  std::int64_t offset = 0;
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    offset += position % shape[dim] * strides[dim];
    position /= shape[dim];
  }
  return offset;
}

// Hands out the elements of an array in row-major order, from any position on: neighbours in memory in place, others
// copied into a buffer block by block.
template <class T>
class BlockReader {
 public:
  // Starts at element `begin`. `layout` is that of `x`, made by coalesce() once for all readers, and must outlive this.
  void start(const Array& x, const Layout& layout, std::int64_t begin) {
    layout_ = &layout;
    data_ = x.data<T>();
    filled_ = 0;
    if (layout.shape[0] == 0) return;  // nothing to read
    std::int64_t rest = begin;
    for (int dim = layout.shape.rank() - 1; dim >= 0; --dim) {
      position(dim) = rest % layout.shape[dim];
      data_ += position(dim) * layout.strides[dim];
      rest /= layout.shape[dim];
    }
  }

  // The next `count` elements, at most block_size; valid until the next call.
  const T* next(std::int64_t count) {
    const int last = layout_->shape.rank() - 1;
    const std::int64_t stride = layout_->strides[last], length = layout_->shape[last];
    if (last == 0 && stride == 1) {
      const T* const block = data_;
      data_ += count;
      return block;
    }
    if (const T* const x = repeated(count)) return copies(x, count);
    if (stride == 1 && position(last) + count <= length) {
      const T* const block = data_;
      position(last) += count;
      data_ += count;
      if (position(last) == length) next_row();
      return block;
    }
    filled_ = 0;
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t run = std::min(count - done, length - position(last));
      copy_run(buffer_ + done, stride, run);
      done += run;
      position(last) += run;
      data_ += run * stride;
      if (position(last) == length) next_row();
    }
    return buffer_;
  }

  // The next elements, up to `most`, that lie side by side where the innermost dimension does.
  struct Piece {
    const T* data;
    std::int64_t count;
  };
  Piece next_piece(std::int64_t most) {
    const int last = layout_->shape.rank() - 1;
    const Piece piece{data_, last == 0 ? most : std::min(most, layout_->shape[last] - position(last))};
    data_ += piece.count;
    if (last > 0 && (position(last) += piece.count) == layout_->shape[last]) next_row();
    return piece;
  }

  // The next element, if it is all of the next `count` ones, which it then goes past; otherwise null.
  const T* repeated(std::int64_t count) {
    const int last = layout_->shape.rank() - 1;
    const std::int64_t length = layout_->shape[last];
    if (layout_->strides[last] != 0 || (last > 0 && position(last) + count > length)) return nullptr;
    const T* const x = data_;
    if (last > 0 && (position(last) += count) == length) next_row();
    return x;
  }

 private:
  std::int64_t& position(int dim) { return positions_[static_cast<std::size_t>(dim)]; }

  // `count` copies of x[0].
  const T* copies(const T* x, std::int64_t count) {
    if (repeated_ != x) filled_ = 0;
    repeated_ = x;
    if (filled_ < count) {
      at_level([to = buffer_, begin = filled_, count, value = *x] {
        for (std::int64_t i = begin; i < count; ++i) to[i] = value;
      });
      filled_ = count;
    }
    return buffer_;
  }

  void copy_run(T* to, std::int64_t stride, std::int64_t count) const {
    if (stride == 1) {
      std::copy(data_, data_ + count, to);
    } else if (stride == 0) {
      std::fill(to, to + count, *data_);
    } else {
      for (std::int64_t i = 0; i < count; ++i) to[i] = data_[i * stride];
    }
  }

  // Carries out of the innermost dimension, which has run to its end, into the outer ones.
  void next_row() {
    for (int dim = layout_->shape.rank() - 1; dim > 0 && position(dim) == layout_->shape[dim]; --dim) {
      position(dim) = 0;
      ++position(dim - 1);
      data_ += layout_->strides[dim - 1] - layout_->shape[dim] * layout_->strides[dim];
    }
  }

  const Layout* layout_ = nullptr;
  const T* data_ = nullptr;  // the next element
  std::array<std::int64_t, max_rank> positions_{};
  const T* repeated_ = nullptr;  // the element that ...
  std::int64_t filled_ = 0;      // ... so much of the buffer holds copies of
  T buffer_[block_size];
};

}  // namespace ravel::kernels
