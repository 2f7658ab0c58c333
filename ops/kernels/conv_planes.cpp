#include "ravel/ops/kernels/conv_planes.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "ravel/autograd/error.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {
namespace {

std::int64_t floor_divide(std::int64_t x, std::int64_t y) { return x >= 0 ? x / y : -blocks_of(-x, y); }
std::int64_t ceil_divide(std::int64_t x, std::int64_t y) { return -floor_divide(-x, y); }

// The index of `phase` in the axis' list, to which it is added if it is new.
std::int64_t phase_index(Axis& axis, std::int64_t phase) {
  const auto place = std::find(axis.phases.begin(), axis.phases.end(), phase);
  const std::int64_t index = place - axis.phases.begin();
  if (place == axis.phases.end()) axis.phases.push_back(phase);
  return index;
}

std::int64_t reach(const Axis& axis) {
  std::int64_t most = 0;
  for (const Axis::Tap& tap : axis.taps) most = std::max(most, tap.shift);
  return most;
}

// to[i] = from[i * step] for i < count. Rows are short: blocks leave no loop for a remainder.
template <class T, class Step>
void copy_row(std::int64_t count, const T* from, Step step, T* to) {
  if constexpr (std::is_same_v<Step, std::integral_constant<std::int64_t, 1>>) {
    for_each_in_blocks<32>(count, [=](std::int64_t i) { to[i] = from[i]; });
  } else {
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * step];
  }
}

// even[i], odd[i] = from[2 * i], from[2 * i + 1] for i < count.
template <class T>
void split_row(std::int64_t count, const T* from, T* even, T* odd) {
  for_each_in_blocks(count, [=](std::int64_t j) {
    even[j] = from[2 * j];
    odd[j] = from[2 * j + 1];
  });
}

// Gives the residues of an axis of dx the same padding and extent, so that all read the same planes of dy, and sorts
// them by their first place in the target.
void share_planes(std::vector<Axis>& axes) {
  std::int64_t padding = 0, extent = 0;
  for (const Axis& axis : axes) padding = std::max(padding, axis.padding);
  for (Axis& axis : axes) {
    axis.phases = {0};
    for (Axis::Tap& tap : axis.taps) tap.shift += padding - axis.padding;
    extent = std::max(extent, axis.extent + padding - axis.padding);
  }
  for (Axis& axis : axes) {
    axis.padding = padding;
    axis.extent = extent;
  }
  std::ranges::sort(axes, {}, &Axis::target_first);
}

}  // namespace

Axis output_axis(const ConvShape& shape, int axis) {
  const auto d = static_cast<std::size_t>(axis);
  Axis result;
  result.source = shape.in[d];
  result.stride = shape.stride[d];
  result.padding = shape.padding[d];
  result.grid = shape.out[d];
  for (std::int64_t p = 0; p < shape.kernel[d]; ++p) {
    const std::int64_t position = p * shape.dilation[d];
    result.taps.push_back({p, phase_index(result, position % result.stride), position / result.stride});
  }
  result.extent = result.grid + reach(result);
  return result;
}

// x position X meets dy position i through tap p where X + padding = i * stride + p * dilation. Within one residue of
// X + padding = q * stride + residue these are the taps with p * dilation = residue modulo stride, and
// i = q - p * dilation / stride (rounded down).
std::vector<Axis> input_gradient_axes(const ConvShape& shape, int axis) {
  const auto d = static_cast<std::size_t>(axis);
  const std::int64_t stride = shape.stride[d], padding = shape.padding[d];
  std::vector<Axis> axes;
  for (std::int64_t residue = 0; residue < stride; ++residue) {
    const std::int64_t first = ceil_divide(padding - residue, stride);
    const std::int64_t last = floor_divide(shape.in[d] - 1 + padding - residue, stride);
    if (last < first) continue;
    Axis result;
    result.source = shape.out[d];
    result.grid = last - first + 1;
    result.target_first = first * stride + residue - padding;
    result.target_step = stride;
    for (std::int64_t p = 0; p < shape.kernel[d]; ++p) {
      const std::int64_t position = p * shape.dilation[d];
      if (position % stride == residue) result.taps.push_back({p, phase_index(result, 0), position / stride});
    }
    const std::int64_t most = reach(result);
    for (Axis::Tap& tap : result.taps) tap.shift = most - tap.shift;
    result.padding = most - first;
    result.extent = result.grid + reach(result);
    axes.push_back(std::move(result));
  }
  share_planes(axes);
  return axes;
}

// A plane takes an odd number of cache lines: planes a power of two apart would share few sets of the nearest cache.
Planes::Planes(Axis rows, Axis columns, std::int64_t channels, std::int64_t bytes)
    : rows_(std::move(rows)), columns_(std::move(columns)), channels_(channels) {
  for (const std::int64_t phase : rows_.phases) inside_rows_.push_back(inside(rows_, phase));
  for (const std::int64_t phase : columns_.phases) inside_columns_.push_back(inside(columns_, phase));
  const std::int64_t line = 64 / bytes;
  plane_ = (blocks_of(rows_.extent * columns_.extent, line) | 1) * line;
  channel_ = std::ssize(rows_.phases) * std::ssize(columns_.phases) * plane_;
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  require(size() <= most, "convolution: one padded image has {} elements; at most {} are supported", size(), most);
}

Planes::Inside Planes::inside(const Axis& axis, std::int64_t phase) {
  const std::int64_t shift = axis.padding - phase;
  const std::int64_t begin = std::clamp<std::int64_t>(ceil_divide(shift, axis.stride), 0, axis.extent);
  const std::int64_t end = std::clamp(floor_divide(axis.source - 1 + shift, axis.stride) + 1, begin, axis.extent);
  return {begin, end, begin * axis.stride - shift};
}

bool Planes::padded() const {
  const auto goes_beyond = [](const Axis& axis, const std::vector<Inside>& phases) {
    return std::ranges::any_of(phases, [&](const Inside& in) { return in.begin > 0 || in.end < axis.extent; });
  };
  return goes_beyond(rows_, inside_rows_) || goes_beyond(columns_, inside_columns_);
}

std::vector<std::int32_t> Planes::tap_offsets() const {
  std::vector<std::int32_t> offsets;
  offsets.reserve(static_cast<std::size_t>(channels_) * rows_.taps.size() * columns_.taps.size());
  for (std::int64_t c = 0; c < channels_; ++c) {
    for (const Axis::Tap& row : rows_.taps) {
      for (const Axis::Tap& column : columns_.taps) {
        const std::int64_t plane = row.phase * std::ssize(columns_.phases) + column.phase;
        const std::int64_t offset = c * channel_ + plane * plane_ + row.shift * pitch() + column.shift;
        offsets.push_back(static_cast<std::int32_t>(offset));
      }
    }
  }
  return offsets;
}

template <class T>
void Planes::write_phase(const Inside& row, const Inside& column, const T* image, T* to) const {
  const std::int64_t rows = row.end - row.begin, count = column.end - column.begin, to_row = columns_.extent;
  const std::int64_t from_row = rows_.stride * columns_.source;
  image += row.first * columns_.source + column.first;
  to += row.begin * to_row + column.begin;
  if (columns_.stride == 1 && count == from_row && count == to_row) {
    std::copy_n(image, rows * count, to);
    return;
  }
  with_stride(columns_.stride, [=](auto step) {
    for (std::int64_t i = 0; i < rows; ++i) copy_row(count, image + i * from_row, step, to + i * to_row);
  });
}

template <class T>
void Planes::write_both_phases(const Inside& row, const T* image, T* to) const {
  Inside even = inside_columns_[0], odd = inside_columns_[1];
  T *even_to = to + even.begin, *odd_to = to + plane_ + odd.begin;
  if (odd.first < even.first) {
    std::swap(even, odd);
    std::swap(even_to, odd_to);
  }
  const std::int64_t evens = even.end - even.begin, odds = odd.end - odd.begin, pairs = std::min(evens, odds);
  for (std::int64_t i = row.begin; i < row.end; ++i) {
    const T* const from = image + (row.first + (i - row.begin) * rows_.stride) * columns_.source;
    T *const even_row = even_to + i * columns_.extent, *const odd_row = odd_to + i * columns_.extent;
    split_row(pairs, from + even.first, even_row, odd_row);
    for (std::int64_t j = pairs; j < evens; ++j) even_row[j] = from[even.first + 2 * j];
    for (std::int64_t j = pairs; j < odds; ++j) odd_row[j] = from[odd.first + 2 * j];
  }
}

template <class T>
void Planes::load(const T* image, std::int64_t count, T* planes) const {
  at_level([=, this] {
    const T* from = image;
    T* to = planes;
    for (std::int64_t c = 0; c < count; ++c, from += rows_.source * columns_.source) {
      for (const Inside& row : inside_rows_) {
        if (columns_.stride == 2 && inside_columns_.size() == 2) {
          write_both_phases(row, from, to);
        } else {
          for (std::size_t i = 0; i < inside_columns_.size(); ++i) {
            write_phase(row, inside_columns_[i], from, to + static_cast<std::int64_t>(i) * plane_);
          }
        }
        to += std::ssize(inside_columns_) * plane_;
      }
    }
  });
}

template void Planes::load(const float*, std::int64_t, float*) const;
template void Planes::load(const double*, std::int64_t, double*) const;

}  // namespace ravel::kernels
