// Kernels of the losses over classes: rows of logits or log-probabilities (rows, classes), one class index per row.
#pragma once

#include "ravel/ops/kernels/softmax.hpp"

namespace ravel::kernels {

// Which class each row should have, and what it counts. With label smoothing s a row's loss is
// sum over c of q[c] (log(sum(exp(x))) - x[c]),  q[c] = weight[c] ((1 - s) [c = index] + s / classes).
template <class T>
struct ClassTargets {
  const std::int64_t* index;
  const T* weight;  // of each class; null if all are 1
  std::int64_t ignored, classes;
  T smoothing = 0;
  T total_weight = 0;  // of all classes

  bool counts(std::int64_t row) const { return index[row] != ignored; }
  T weight_of(std::int64_t c) const { return weight ? weight[c] : T{1}; }
  // q without the part that smoothing spreads, for the row's own class.
  T peak(std::int64_t row) const { return (1 - smoothing) * weight_of(index[row]); }
  // q of class c without the row's own part.
  T floor(std::int64_t c) const { return smoothing / static_cast<T>(classes) * weight_of(c); }
  // The sum of q; 0 for a row that is ignored.
  T mass(std::int64_t row) const {
    return counts(row) ? peak(row) + smoothing / static_cast<T>(classes) * total_weight : T{0};
  }
};

// loss[row], 0 for rows that are ignored. Keeps the largest logit of each row and the sum of exp(x - largest).
template <class T>
void cross_entropy_rows(std::int64_t rows, const T* x, const ClassTargets<T>& targets, T* loss, T* largest, T* total) {
  const std::int64_t count = targets.classes;
  for_row_blocks(rows, count, [&](std::int64_t first, std::int64_t n) {
    normalize_rows(n, count, x + first * count, largest + first, total + first);
    for (std::int64_t row = first; row < first + n; ++row) {
      loss[row] = 0;
      if (!targets.counts(row)) continue;
      const T* const from = x + row * count;
      const T top = largest[row], rest = log(total[row]);
      loss[row] = targets.peak(row) * (rest + (top - from[targets.index[row]]));
      if (targets.smoothing == 0) continue;
      loss[row] +=
          combine_lanes(count, T{0}, add, [&](std::int64_t c) { return targets.floor(c) * (rest + (top - from[c])); });
    }
  });
}

// out = g[row] (mass softmax(x) - q), with what the forward pass has kept.
template <class T>
void cross_entropy_backward_rows(std::int64_t rows, const T* g, const T* x, const ClassTargets<T>& targets,
                                 const T* largest, const T* total, T* out) {
  const std::int64_t count = targets.classes;
  for_row_blocks(rows, count, [&](std::int64_t first, std::int64_t n) {
    T scale[block_size];
    for (std::int64_t i = 0; i < n; ++i) scale[i] = g[first + i] * targets.mass(first + i) / total[first + i];
    T* const to = out + first * count;
    exp_rows(n, count, x + first * count, largest + first, to);
    map_rows(
        n, count, [](T power, T s) { return power * s; }, to, scale, to);
    for (std::int64_t row = first; row < first + n; ++row) {
      T* const y = out + row * count;
      if (!targets.counts(row)) {
        std::fill(y, y + count, T{0});
        continue;
      }
      if (targets.smoothing != 0) {
        for (std::int64_t c = 0; c < count; ++c) y[c] -= g[row] * targets.floor(c);
      }
      y[targets.index[row]] -= g[row] * targets.peak(row);
    }
  });
}

}  // namespace ravel::kernels
