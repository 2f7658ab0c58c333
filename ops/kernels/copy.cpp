#include "ravel/ops/kernels/copy.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {
namespace {

// The common shape of two arrays in as few dimensions as the strides of both allow.
struct PairLayout {
  Shape shape;
  Strides to, from;
};

PairLayout coalesce_pair(const Shape& shape, const Strides& to, const Strides& from) {
  PairLayout layout;
  for (int dim = 0; dim < shape.rank(); ++dim) {
    if (shape[dim] == 1) continue;
    const int last = layout.shape.rank() - 1;
    if (last >= 0 && layout.to[last] == to[dim] * shape[dim] && layout.from[last] == from[dim] * shape[dim]) {
      layout.shape[last] *= shape[dim];
      layout.to[last] = to[dim];
      layout.from[last] = from[dim];
    } else {
      layout.shape.push_back(shape[dim]);
      layout.to.push_back(to[dim]);
      layout.from.push_back(from[dim]);
    }
  }
  if (layout.shape.empty()) return {{1}, {1}, {1}};
  return layout;
}

template <class T>
void copy_run(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride, std::int64_t count) {
  if (to_stride == 1 && from_stride == 1) {
    std::copy(from, from + count, to);
  } else if (to_stride == 1 && from_stride == -1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[-i];
  } else if (to_stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * from_stride];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

// Copies elements `begin` up to `end`, counted in row-major order, one run along the innermost dimension at a time.
template <class T>
void copy_range(T* to, const T* from, const PairLayout& layout, std::int64_t begin, std::int64_t end) {
  const int last = layout.shape.rank() - 1;
  Shape position = layout.shape;
  std::int64_t rest = begin;
  for (int dim = last; dim >= 0; --dim) {
    position[dim] = rest % layout.shape[dim];
    to += position[dim] * layout.to[dim];
    from += position[dim] * layout.from[dim];
    rest /= layout.shape[dim];
  }
  while (begin < end) {
    const std::int64_t run = std::min(end - begin, layout.shape[last] - position[last]);
    copy_run(to, layout.to[last], from, layout.from[last], run);
    begin += run;
    position[last] += run;
    to += run * layout.to[last];
    from += run * layout.from[last];
    for (int dim = last; dim > 0 && position[dim] == layout.shape[dim]; --dim) {
      position[dim] = 0;
      ++position[dim - 1];
      to += layout.to[dim - 1] - layout.shape[dim] * layout.to[dim];
      from += layout.from[dim - 1] - layout.shape[dim] * layout.from[dim];
    }
  }
}

#if defined(RAVEL_TINY_BLOCKS)
constexpr std::int64_t tile = 2;
#else
constexpr std::int64_t tile = 16;  // a line of the cache holds 16 floats
#endif

// Eight numbers of four bytes in a vector, and eight such vectors as the rows of a matrix.
using Eight = std::uint32_t __attribute__((vector_size(32)));
constexpr int eight = 8;

// Exchanges, in two rows, the 2x2 blocks of `s` lanes each across the diagonal.
template <int s, int... lane>
[[gnu::always_inline]] inline void exchange(Eight& a, Eight& b, std::integer_sequence<int, lane...>) {
  const Eight first = __builtin_shufflevector(a, b, ((lane & s) != 0 ? eight + lane - s : lane)...);
  b = __builtin_shufflevector(a, b, ((lane & s) != 0 ? eight + lane : lane + s)...);
  a = first;
}

template <int s>
[[gnu::always_inline]] inline void exchange_blocks(Eight* rows) {
  for (int row = 0; row < eight; ++row) {
    if ((row & s) == 0) exchange<s>(rows[row], rows[row + s], std::make_integer_sequence<int, eight>());
  }
}

// to[r * to_pitch + c] = from[c * from_pitch + r] for r, c < 8: blocks of one, two and four lanes change places.
template <class T>
[[gnu::always_inline]] inline void transpose_eight(T* to, std::int64_t to_pitch, const T* from,
                                                   std::int64_t from_pitch) {
  Eight rows[eight];
  for (int i = 0; i < eight; ++i) std::memcpy(&rows[i], from + i * from_pitch, sizeof(Eight));
  exchange_blocks<1>(rows);
  exchange_blocks<2>(rows);
  exchange_blocks<4>(rows);
  for (int i = 0; i < eight; ++i) std::memcpy(to + i * to_pitch, &rows[i], sizeof(Eight));
}

// to[r * to_pitch + c] = from[c * from_pitch + r] for at most `tile` rows. Squares of one tile go through registers or
// a buffer, so that lines of memory are read and written whole, whatever the pitches.
template <class T>
void copy_transposed_rows(T* to, std::int64_t to_pitch, const T* from, std::int64_t from_pitch, std::int64_t rows,
                          std::int64_t columns) {
  std::int64_t first = 0;
  if constexpr (sizeof(T) == 4 && tile == 2 * eight) {
    if (rows == tile)
      at_level([=, &first] {
        for (; first + tile <= columns; first += tile) {
          const T* const corner = from + first * from_pitch;
          for (std::int64_t c = tile; c < std::min(2 * tile, columns - first); ++c) {
            __builtin_prefetch(corner + c * from_pitch);
          }
          for (int c = 0; c < tile; c += eight) {
            for (int r = 0; r < tile; r += eight) {
              transpose_eight(to + r * to_pitch + first + c, to_pitch, corner + c * from_pitch + r, from_pitch);
            }
          }
        }
      });
  }
  T square[tile][tile];
  for (; first < columns; first += tile) {
    const std::int64_t width = std::min(tile, columns - first);
    for (std::int64_t c = 0; c < width; ++c) {
      for (std::int64_t r = 0; r < rows; ++r) square[r][c] = from[(first + c) * from_pitch + r];
    }
    for (std::int64_t r = 0; r < rows; ++r) std::copy(square[r], square[r] + width, to + r * to_pitch + first);
  }
}

// Copies where neighbours along dimension `dim` are neighbours in the source, and those along the last one in the
// target.
template <class T>
void copy_transposed(T* to, const T* from, const PairLayout& layout, int dim) {
  const int last = layout.shape.rank() - 1;
  const std::int64_t rows = layout.shape[dim], columns = layout.shape[last], bands = blocks_of(rows, tile);
  PairLayout outer = layout;
  for (const int inner : {last, dim}) {
    for (Shape* list : {&outer.shape, &outer.to, &outer.from}) list->erase(inner);
  }
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / (tile * columns));
  parallel(outer.shape.numel() * bands, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t band = begin; band < end; ++band) {
      const std::int64_t matrix = band / bands, first = band % bands * tile;
      copy_transposed_rows(to + offset_of(matrix, outer.shape, outer.to) + first * layout.to[dim], layout.to[dim],
                           from + offset_of(matrix, outer.shape, outer.from) + first, layout.from[last],
                           std::min(tile, rows - first), columns);
    }
  });
}

// The dimension whose neighbours lie side by side in the source of a copy that exchanges it with the last; -1 for none.
int transposed_dim(const PairLayout& layout) {
  const int last = layout.shape.rank() - 1;
  if (layout.to[last] != 1 || layout.from[last] == 1) return -1;
  for (int dim = last - 1; dim >= 0; --dim) {
    if (layout.from[dim] == 1) return dim;
  }
  return -1;
}

}  // namespace

void copy_into(Array& target, const Array& source) {
  const PairLayout layout = coalesce_pair(target.shape(), target.strides(), source.strides());
  if (target.numel() == 0) return;
  const int dim = transposed_dim(layout);
  visit_any(target.dtype(), [&]<class T>() {
    if (dim >= 0) return copy_transposed(target.data<T>(), source.data<T>(), layout, dim);
    parallel(target.numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
      copy_range(target.data<T>(), source.data<T>(), layout, begin, end);
    });
  });
}

Ref<Array> packed_copy(const Array& x) {
  Ref<Array> y = Array::packed(x.dtype(), x.shape());
  copy_into(*y, x);
  return y;
}

}  // namespace ravel::kernels
