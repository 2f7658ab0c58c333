#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/pooling.hpp"

namespace ravel::kernels {
namespace {

using Windows = std::vector<AverageAxis::Window>;

Windows windows_of(const AverageAxis& axis) {
  Windows windows;
  for (std::int64_t i = 0; i < axis.out; ++i) windows.push_back(axis.window(i));
  return windows;
}

std::int64_t grain_for(std::int64_t elements) {
  return std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, elements));
}

// Do windows of two neighbours tile the axis?
bool tiles_in_pairs(const AverageAxis& axis) {
  return axis.kernel == 2 && axis.stride == 2 && axis.padding == 0 && 2 * axis.out <= axis.in;
}

// sums[k] = the sum of rows [begin, end) of a plane at column k.
template <class T>
void sum_rows(const T* x, std::int64_t columns, std::int64_t begin, std::int64_t end, T* sums) {
  std::copy_n(x + begin * columns, columns, sums);
  for (std::int64_t row = begin + 1; row < end; ++row) {
    at_level([=, from = x + row * columns] {
      RAVEL_INDEPENDENT
      for (std::int64_t k = 0; k < columns; ++k) sums[k] += from[k];
    });
  }
}

// y[j] = the sum of sums over column window j, divided.
template <class T>
void average_columns(const T* sums, const AverageAxis& columns, const Windows& windows, std::int64_t row_divisor,
                     T* y) {
  if (tiles_in_pairs(columns)) {
    at_level([=, count = columns.out, divisor = static_cast<T>(2 * row_divisor)] {
      RAVEL_INDEPENDENT
      for (std::int64_t j = 0; j < count; ++j) y[j] = (sums[2 * j] + sums[2 * j + 1]) / divisor;
    });
    return;
  }
  for (const AverageAxis::Window& window : windows) {
    T sum = 0;
    for (std::int64_t k = window.begin; k < window.end; ++k) sum += sums[k];
    *y++ = sum / static_cast<T>(row_divisor * window.divisor);
  }
}

// shares[k] = the sum of dy over the column windows that k lies in, each divided.
template <class T>
void spread_columns(const T* dy, const AverageAxis& columns, const Windows& windows, std::int64_t row_divisor,
                    T* shares) {
  if (tiles_in_pairs(columns)) {
    at_level([=, count = columns.out, divisor = static_cast<T>(2 * row_divisor)] {
      RAVEL_INDEPENDENT
      for (std::int64_t j = 0; j < count; ++j) shares[2 * j] = shares[2 * j + 1] = dy[j] / divisor;
    });
    std::fill(shares + 2 * columns.out, shares + columns.in, T{0});
    return;
  }
  std::fill_n(shares, columns.in, T{0});
  for (const AverageAxis::Window& window : windows) {
    const T share = *dy++ / static_cast<T>(row_divisor * window.divisor);
    for (std::int64_t k = window.begin; k < window.end; ++k) shares[k] += share;
  }
}

template <class T>
void add_row(const T* from, std::int64_t count, T* to) {
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t k = 0; k < count; ++k) to[k] += from[k];
  });
}

}  // namespace

AverageAxis::Window AverageAxis::window(std::int64_t i) const {
  if (kernel == 0) {
    const std::int64_t begin = i * in / out, end = ((i + 1) * in + out - 1) / out;
    return {begin, end, end - begin};
  }
  const std::int64_t first = i * stride - padding, last = std::min(first + kernel, in + padding);
  const std::int64_t begin = std::max<std::int64_t>(first, 0), end = std::min(last, in);
  return {begin, end, count_padding ? last - first : end - begin};
}

template <class T>
void average_pool(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* x, T* y) {
  const Windows row_windows = windows_of(rows), column_windows = windows_of(columns);
  const std::int64_t work = rows.in * columns.in / std::max<std::int64_t>(1, rows.out);
  parallel(planes * rows.out, grain_for(work), [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> sums(columns.in);
    for (std::int64_t item = begin; item < end; ++item) {
      const AverageAxis::Window& window = row_windows[static_cast<std::size_t>(item % rows.out)];
      sum_rows(x + item / rows.out * rows.in * columns.in, columns.in, window.begin, window.end, sums.data());
      average_columns(sums.data(), columns, column_windows, window.divisor, y + item * columns.out);
    }
  });
}

template <class T>
void average_pool_gradient(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* dy,
                           T* dx) {
  const Windows row_windows = windows_of(rows), column_windows = windows_of(columns);
  parallel(planes, grain_for(rows.in * columns.in), [&](std::int64_t begin, std::int64_t end) {
    const Scratch<T> shares(columns.in);
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const T* from = dy + plane * rows.out * columns.out;
      T* const to = dx + plane * rows.in * columns.in;
      std::fill_n(to, rows.in * columns.in, T{0});
      for (const AverageAxis::Window& window : row_windows) {
        spread_columns(from, columns, column_windows, window.divisor, shares.data());
        from += columns.out;
        for (std::int64_t row = window.begin; row < window.end; ++row)
          add_row(shares.data(), columns.in, to + row * columns.in);
      }
    }
  });
}

template void average_pool(std::int64_t, const AverageAxis&, const AverageAxis&, const float*, float*);
template void average_pool(std::int64_t, const AverageAxis&, const AverageAxis&, const double*, double*);
template void average_pool_gradient(std::int64_t, const AverageAxis&, const AverageAxis&, const float*, float*);
template void average_pool_gradient(std::int64_t, const AverageAxis&, const AverageAxis&, const double*, double*);

}  // namespace ravel::kernels
