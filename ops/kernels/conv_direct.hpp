// Direct convolution as a sum over the taps of padded planes.
#pragma once

#include <cstdint>
#include <vector>

#include "ravel/ops/kernels/conv_planes.hpp"

namespace ravel::kernels {

// target[image, m, pixel] = bias[m] + sum over taps k of weight(m, k) * planes(image)[tap k + pixel]
// for all images of a batch and all groups of channels; images lie group by group within a sample.
template <class T>
struct TapSum {
  const Planes& planes;
  std::int64_t batch, groups, channels;  // channels of the target in one group
  const T* source;                       // (batch, groups, planes.channels(), rows, columns)

  // The weights of one group: weight(m, k) = weights[m * weight_row + weight_tap[k]], or with an empty table
  // weights[m * weight_row + k].
  const T* weights;
  std::int64_t weight_group, weight_row;
  std::vector<std::int64_t> weight_tap;
  const T* bias;  // (groups * channels), or null

  T* target;  // (batch, groups, channels, target_rows, target_columns)
  std::int64_t target_rows, target_columns;
};

template <class T>
void sum_over_taps(const TapSum<T>& sum);

}  // namespace ravel::kernels
