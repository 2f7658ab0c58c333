// One filter applied to one padded image: a row of sums over taps, for convolutions whose channels do not mix.
#pragma once

#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/contraction/vector.hpp"

namespace ravel::kernels::RAVEL_LEVEL {

// `vectors` vectors from number `first` on, with their sums in registers.
template <class T, int vectors>
[[gnu::always_inline]] inline void filter_vectors(const Filter<T>& filter, std::int64_t first) {
  const T* from[vectors];
  Vector<T> sum[vectors];
  unroll<vectors>([&](auto v) {
    from[v] = filter.from + filter.from_vector[first + v];
    sum[v] = Vector<T>{};
  });
  for (std::int64_t k = 0; k < filter.depth; ++k) {
    const Vector<T> x = broadcast(filter.weights[k]);
    const std::int64_t tap = filter.taps[k];
    unroll<vectors>([&](auto v) { sum[v] = x * load(from[v] + tap) + sum[v]; });
  }
  const Vector<T> bias = broadcast(filter.bias != nullptr ? *filter.bias : T(0));
  if (filter.bias != nullptr) unroll<vectors>([&](auto v) { sum[v] += bias; });
  unroll<vectors>([&](auto v) { store(filter.to + filter.to_vector[first + v], sum[v]); });
}

template <class T>
void filter_plane(const Filter<T>& filter) {
  std::int64_t i = 0;
  for (; i + single_row_vectors <= filter.vectors; i += single_row_vectors) {
    filter_vectors<T, single_row_vectors>(filter, i);
  }
  for (; i + 2 <= filter.vectors; i += 2) filter_vectors<T, 2>(filter, i);
  if (i < filter.vectors) filter_vectors<T, 1>(filter, i);
}

}  // namespace ravel::kernels::RAVEL_LEVEL
