// Direct convolution as a sum over the taps of padded planes.
#pragma once

#include <cstdint>
#include <vector>

#include "ravel/ops/kernels/conv_planes.hpp"

namespace ravel::kernels {

// Pixels of the target, and what they read: one grid for an output, and for an input gradient one for each residue of
// the stride.
struct PixelGrid {
  Planes planes;
  // weight(m, k) = weights[m * weight_row + weight_tap[k]], or with an empty table weights[m * weight_row + k].
  std::vector<std::int64_t> weight_tap = {};
};

// target[image, m, pixel] = sum over taps k of weight(m, k) * planes(image)[tap k + pixel], and what the epilogue says,
// for all images of a batch and all groups of channels; images lie group by group within a sample.
template <class T>
struct TapSum {
  std::vector<PixelGrid> grids;          // the planes of all have the same elements
  std::int64_t batch, groups, channels;  // channels of the target in one group
  const T* source;                       // (batch, groups, planes.channels(), rows, columns)
  const T* weights;                      // of the first group
  std::int64_t weight_group, weight_row;
  ConvEpilogue<T> epilogue;
  T* target;  // (batch, groups, channels, target_rows, target_columns)
  std::int64_t target_rows, target_columns;
};

template <class T>
void sum_over_taps(const TapSum<T>& sum);

}  // namespace ravel::kernels
