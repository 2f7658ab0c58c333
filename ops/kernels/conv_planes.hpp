// How a convolution reaches the contraction kernel without im2col.
//
// An image is copied once into zero-padded planes. With stride s an axis is cut into s phases, so that within a plane
// neighbouring outputs read neighbouring elements whatever the stride. A tap of the filter then is an offset into the
// planes, an output pixel is another, and a sum over taps is
//     sum over taps of weight * planes[offset of the tap + offset of the pixel].
// The output of a convolution is such a sum over x, and its input gradient is one over dy for each residue of the
// stride.
#pragma once

#include <cstdint>
#include <vector>

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// One axis of a sum over taps. Element i of phase f is source element i * stride + f - padding, or zero where there is
// none. Point i of the grid reads, for a tap, element i + shift of the tap's phase.
struct Axis {
  struct Tap {
    std::int64_t kernel;  // its place in the filter
    std::int64_t phase;   // an index into `phases`
    std::int64_t shift;
  };
  std::int64_t source = 0, stride = 1, padding = 0;
  std::vector<std::int64_t> phases;  // those that some tap reads
  std::vector<Tap> taps;
  std::int64_t grid = 0;                           // points at which the sum is taken
  std::int64_t extent = 0;                         // elements of a phase: the grid and the reach of the taps beyond it
  std::int64_t target_first = 0, target_step = 1;  // point i is written at target_first + i * target_step
};

// Axis `axis` (0 or 1) of y as a sum over x.
Axis output_axis(const ConvShape& shape, int axis);
// The same axis of dx as sums over dy, one for each residue modulo the stride of a position in the padded input. All
// read the same planes of dy; they come in the order of their first places in dx.
std::vector<Axis> input_gradient_axes(const ConvShape& shape, int axis);

// The planes of all channels of an image (channels, rows.source, columns.source).
class Planes {
 public:
  // `bytes` is the size of an element. Throws an Error if an image is too large for 32-bit offsets.
  Planes(Axis rows, Axis columns, std::int64_t channels, std::int64_t bytes);

  const Axis& rows() const { return rows_; }
  const Axis& columns() const { return columns_; }
  std::int64_t channels() const { return channels_; }
  std::int64_t pitch() const { return columns_.extent; }                     // from a grid point to the one below
  std::int64_t pixels() const { return rows_.grid * columns_.grid; }         // of the grid
  std::int64_t channel_size() const { return channel_; }                     // elements from one channel to the next
  std::int64_t size() const { return channels_ * channel_ + tail_padding; }  // elements of all planes
  // Whether a phase goes beyond the source. If not, `load` writes every element that a tap reads at a grid point.
  bool padded() const;
  // Where grid point (0, 0) reads for each tap, in the order channel, kernel row, kernel column.
  std::vector<std::int32_t> tap_offsets() const;

  // Fills the planes of `count` channels, the first of which lies at `image`. If padded(), the array must have been all
  // zeros before the first load; no load writes the padding.
  template <class T>
  void load(const T* image, std::int64_t count, T* planes) const;

 private:
  // The elements [begin, end) of a phase that lie in the source; the others are zeros.
  struct Inside {
    std::int64_t begin, end, first;  // `first` is the source element of `begin`
  };
  static Inside inside(const Axis& axis, std::int64_t phase);

  // Writes those elements of one phase of one channel that lie in the source; the channel lies at `image`.
  template <class T>
  void write_phase(const Inside& row, const Inside& column, const T* image, T* to) const;
  // The same for both phases of a column stride of 2, in one pass; the second one lies a plane after the first.
  template <class T>
  void write_both_phases(const Inside& row, const T* image, T* to) const;

  // What vectors may read beyond the last element; what they find there reaches no result.
  static constexpr std::int64_t tail_padding = 128;

  Axis rows_, columns_;
  std::vector<Inside> inside_rows_, inside_columns_;  // of each phase
  std::int64_t channels_, plane_, channel_;
};

}  // namespace ravel::kernels
