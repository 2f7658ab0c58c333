// How a plane lies in scratch memory while its windows are reduced.
//
// Rows are padded to `pitch` elements, `stride` for each of `points` windows; the last few windows of a row may be no
// windows of the pooling. So window j of row r begins at element (r * points + j) * stride: one loop over
// m = r * points + j, without a care for the ends of rows, reduces the columns of all windows of a plane. Loops run to
// the end of their last vector, and scratch arrays are longer by `pool_tail` for it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

inline constexpr std::int64_t pool_lanes = 16;  // the most elements of a vector
inline constexpr std::int64_t pool_tail = 2 * pool_lanes;

// The columns of a padded plane and of the windows in it.
struct PoolColumns {
  // `reach` is what a window spans.
  PoolColumns(std::int64_t in, std::int64_t out, std::int64_t reach, std::int64_t stride, std::int64_t padding)
      : in(in),
        out(out),
        stride(stride),
        padding(padding),
        points(out - 1 + blocks_of(reach, stride)),
        pitch(points * stride),
        inside(std::clamp<std::int64_t>(pitch - padding, 0, in)) {}

  std::int64_t in, out, stride, padding;
  std::int64_t points, pitch;
  std::int64_t inside;  // columns of x that have a place in a padded row
};

// How many planes are a task, if each has `elements` elements to handle.
constexpr std::int64_t planes_per_task(std::int64_t elements) {
  return std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, elements));
}

// Copies `rows` rows of `count` elements, which lie `from_step` and `to_step` apart.
template <class From, class To>
void copy_rows(std::int64_t rows, std::int64_t count, const From* from, std::int64_t from_step, To* to,
               std::int64_t to_step) {
  if (count == from_step && count == to_step) {
    count *= rows;
    rows = 1;
  }
  for (std::int64_t row = 0; row < rows; ++row, from += from_step, to += to_step) {
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
  }
}

}  // namespace ravel::kernels
