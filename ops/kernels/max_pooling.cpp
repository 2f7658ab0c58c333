#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/pooling.hpp"

namespace ravel::kernels {
namespace {

// Taps are counted in integers as wide as the elements, so that both share the lanes of a vector.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

std::int64_t grain_for(std::int64_t elements) {
  return std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, elements));
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

// Where x's row or column of tap `tap` of window `i` lies along dimension d; outside of x it may be negative or too
// large.
std::int64_t position(const PoolShape& shape, std::size_t d, std::int64_t i, std::int64_t tap) {
  return i * shape.stride[d] + tap * shape.dilation[d] - shape.padding[d];
}

// The first tap of window `i` along dimension d that lies inside of x.
std::int64_t first_tap(const PoolShape& shape, std::size_t d, std::int64_t i) {
  return divide_up(shape.padding[d] - i * shape.stride[d], shape.dilation[d]);
}

// Windows of 2x2, or of 1x2 over single rows, that tile x: each element lies in one window, or in none at the far
// edges.
bool tiles_in_pairs(const PoolShape& s) {
  const bool rows = s.kernel[0] == s.stride[0] && s.padding[0] == 0 && s.dilation[0] == 1 && s.kernel[0] <= 2;
  const bool columns = s.kernel[1] == 2 && s.stride[1] == 2 && s.padding[1] == 0 && s.dilation[1] == 1;
  return rows && columns && s.out[0] * s.kernel[0] <= s.in[0] && s.out[1] * 2 <= s.in[1];
}

// Is v to replace `best`, which stands before it? 1 or 0.
template <class T>
Lane<T> wins(T v, T best) {
  return static_cast<Lane<T>>(v > best) | static_cast<Lane<T>>(v != v);
}

// b where `second` is 1, a where it is 0. By bits and not by a jump: which of two is greater is hard to predict.
template <class T>
T choose(Lane<T> second, T a, T b) {
  const auto from = std::bit_cast<Lane<T>>(a), to = std::bit_cast<Lane<T>>(b);
  return std::bit_cast<T>(from ^ ((from ^ to) & -second));
}

// A row of maxima and taps from `rows` (1 or 2) rows of x.
template <int rows, class T>
void max_of_pairs(std::int64_t count, const T* x0, const T* x1, T* y, Lane<T>* tap) {
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t j = 0; j < count; ++j) {
      const Lane<T> right = wins(x0[2 * j + 1], x0[2 * j]);
      const T best = choose(right, x0[2 * j], x0[2 * j + 1]);
      if constexpr (rows == 1) {
        y[j] = best;
        tap[j] = right;
      } else {
        const Lane<T> right_below = wins(x1[2 * j + 1], x1[2 * j]);
        const T best_below = choose(right_below, x1[2 * j], x1[2 * j + 1]);
        const Lane<T> below = wins(best_below, best);
        y[j] = choose(below, best, best_below);
        tap[j] = right + below * (2 + right_below - right);
      }
    }
  });
}

// best[j] and tap[j] from the elements x[j * stride]; `Stride` is a constant where the compiler can make use of one.
template <class T, class Stride>
void max_with(std::int64_t count, const T* x, Stride stride, Lane<T> number, T* best, Lane<T>* tap) {
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t j = 0; j < count; ++j) {
      const T v = x[j * stride];
      const Lane<T> greater = wins(v, best[j]);
      best[j] = choose(greater, best[j], v);
      tap[j] += greater * (number - tap[j]);
    }
  });
}

// A row of maxima and taps, tap after tap; `first_taps` has each column's first tap inside of x.
template <class T>
void max_of_row(const PoolShape& shape, std::int64_t i, const T* x, const Lane<T>* first_taps, T* y, Lane<T>* tap) {
  const std::int64_t columns = shape.out[1], stride = shape.stride[1], first = first_tap(shape, 0, i);
  std::fill_n(y, columns, -std::numeric_limits<T>::infinity());
  for (std::int64_t j = 0; j < columns; ++j) tap[j] = static_cast<Lane<T>>(first * shape.kernel[1]) + first_taps[j];
  for (std::int64_t p = first; p < shape.kernel[0] && position(shape, 0, i, p) < shape.in[0]; ++p) {
    const T* const row = x + position(shape, 0, i, p) * shape.in[1];
    for (std::int64_t q = 0; q < shape.kernel[1]; ++q) {
      const std::int64_t at = position(shape, 1, 0, q), begin = divide_up(-at, stride);
      const std::int64_t count = std::min(columns, divide_up(shape.in[1] - at, stride)) - begin;
      const auto number = static_cast<Lane<T>>(p * shape.kernel[1] + q);
      const T* const from = row + at + begin * stride;
      if (stride == 1) {
        max_with(count, from, std::integral_constant<std::int64_t, 1>(), number, y + begin, tap + begin);
      } else if (stride == 2) {
        max_with(count, from, std::integral_constant<std::int64_t, 2>(), number, y + begin, tap + begin);
      } else {
        max_with(count, from, stride, number, y + begin, tap + begin);
      }
    }
  }
}

// to[i] = from[i]. Bytes may lie anywhere, also where this function keeps its arguments, so the loop gets copies of
// these.
template <class From, class To>
void convert(std::int64_t count, const From* from, To* to) {
  at_level([&] {
    const std::int64_t elements = count;
    const From* const source = from;
    To* const target = to;
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < elements; ++i) target[i] = static_cast<To>(source[i]);
  });
}

// Calls f(output, position in the plane) for the windows of one plane, in order.
template <class Tap, class F>
void for_each_tap(const PoolShape& shape, const Tap* taps, const F& f) {
  const std::int64_t count = shape.kernel[0] * shape.kernel[1];
  const Scratch<std::int64_t> offsets(count);
  for (std::int64_t tap = 0; tap < count; ++tap) {
    offsets[tap] = tap / shape.kernel[1] * shape.dilation[0] * shape.in[1] + tap % shape.kernel[1] * shape.dilation[1];
  }
  for (std::int64_t i = 0, output = 0; i < shape.out[0]; ++i) {
    std::int64_t corner = position(shape, 0, i, 0) * shape.in[1] - shape.padding[1];
    for (std::int64_t j = 0; j < shape.out[1]; ++j, ++output, corner += shape.stride[1]) {
      f(output, corner + offsets[static_cast<std::int64_t>(taps[output])]);
    }
  }
}

// g where `taken` is 1, zero where it is 0.
template <class T>
T masked(Lane<T> taken, T g) {
  return std::bit_cast<T>(std::bit_cast<Lane<T>>(g) & -taken);
}

// dx of `rows` (1 or 2) rows that one row of windows tiles: every element is written once.
template <int rows, class T>
void scatter_pairs(std::int64_t count, const T* dy, const Lane<T>* tap, T* dx0, T* dx1) {
  at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t j = 0; j < count; ++j) {
      dx0[2 * j] = masked<T>(tap[j] == 0, dy[j]);
      dx0[2 * j + 1] = masked<T>(tap[j] == 1, dy[j]);
      if constexpr (rows == 2) {
        dx1[2 * j] = masked<T>(tap[j] == 2, dy[j]);
        dx1[2 * j + 1] = masked<T>(tap[j] == 3, dy[j]);
      }
    }
  });
}

// dx of a plane that windows tile in pairs.
template <class T>
void scatter_tiled_plane(const PoolShape& shape, const T* dy, const Lane<T>* tap, T* dx) {
  const std::int64_t columns = shape.in[1], paired = 2 * shape.out[1];
  for (std::int64_t i = 0; i < shape.out[0]; ++i, dy += shape.out[1], tap += shape.out[1]) {
    T* const row = dx + i * shape.kernel[0] * columns;
    if (shape.kernel[0] == 2) {
      scatter_pairs<2>(shape.out[1], dy, tap, row, row + columns);
      std::fill(row + columns + paired, row + 2 * columns, T{0});
    } else {
      scatter_pairs<1>(shape.out[1], dy, tap, row, row);
    }
    std::fill(row + paired, row + columns, T{0});
  }
  std::fill(dx + shape.out[0] * shape.kernel[0] * columns, dx + shape.in[0] * columns, T{0});
}

}  // namespace

template <class T, class Tap>
void max_pool(const PoolShape& shape, const T* x, T* y, Tap* taps) {
  const std::int64_t columns = shape.out[1], window = shape.kernel[0] * shape.kernel[1];
  const bool pairs = tiles_in_pairs(shape);
  const Scratch<Lane<T>> first_taps(columns);
  for (std::int64_t j = 0; j < columns; ++j) first_taps[j] = static_cast<Lane<T>>(first_tap(shape, 1, j));
  parallel(shape.planes * shape.out[0], grain_for(columns * window), [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Lane<T>> tap(columns);
    for (std::int64_t item = begin; item < end; ++item) {
      const T* const plane = x + item / shape.out[0] * shape.in[0] * shape.in[1];
      const std::int64_t i = item % shape.out[0], output = item * columns;
      const T* const row = plane + i * shape.stride[0] * shape.in[1];
      if (pairs && shape.kernel[0] == 2) {
        max_of_pairs<2>(columns, row, row + shape.in[1], y + output, tap.data());
      } else if (pairs) {
        max_of_pairs<1>(columns, row, row, y + output, tap.data());
      } else {
        max_of_row(shape, i, plane, first_taps.data(), y + output, tap.data());
      }
      convert(columns, tap.data(), taps + output);
    }
  });
}

template <class T, class Tap>
void max_pool_gather(const PoolShape& shape, const T* x, const Tap* taps, T* y) {
  const std::int64_t in = shape.in[0] * shape.in[1], out = shape.out[0] * shape.out[1];
  parallel(shape.planes, grain_for(out), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const T* const from = x + plane * in;
      T* const to = y + plane * out;
      for_each_tap(shape, taps + plane * out, [=](std::int64_t output, std::int64_t at) { to[output] = from[at]; });
    }
  });
}

template <class T, class Tap>
void max_pool_scatter(const PoolShape& shape, const T* dy, const Tap* taps, T* dx) {
  const std::int64_t in = shape.in[0] * shape.in[1], out = shape.out[0] * shape.out[1];
  const bool pairs = tiles_in_pairs(shape);
  parallel(shape.planes, grain_for(in), [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Lane<T>> lanes(pairs ? out : 0);
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const T* const from = dy + plane * out;
      T* const to = dx + plane * in;
      if (pairs) {
        convert(out, taps + plane * out, lanes.data());
        scatter_tiled_plane(shape, from, lanes.data(), to);
        continue;
      }
      std::fill_n(to, in, T{0});
      for_each_tap(shape, taps + plane * out, [=](std::int64_t output, std::int64_t at) { to[at] += from[output]; });
    }
  });
}

template <class Tap>
void max_pool_indices(const PoolShape& shape, const Tap* taps, std::int64_t* indices) {
  const std::int64_t out = shape.out[0] * shape.out[1];
  parallel(shape.planes, grain_for(out), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      std::int64_t* const to = indices + plane * out;
      for_each_tap(shape, taps + plane * out, [=](std::int64_t output, std::int64_t at) { to[output] = at; });
    }
  });
}

template void max_pool(const PoolShape&, const float*, float*, std::uint8_t*);
template void max_pool(const PoolShape&, const float*, float*, std::int64_t*);
template void max_pool(const PoolShape&, const double*, double*, std::uint8_t*);
template void max_pool(const PoolShape&, const double*, double*, std::int64_t*);
template void max_pool_gather(const PoolShape&, const float*, const std::uint8_t*, float*);
template void max_pool_gather(const PoolShape&, const float*, const std::int64_t*, float*);
template void max_pool_gather(const PoolShape&, const double*, const std::uint8_t*, double*);
template void max_pool_gather(const PoolShape&, const double*, const std::int64_t*, double*);
template void max_pool_scatter(const PoolShape&, const float*, const std::uint8_t*, float*);
template void max_pool_scatter(const PoolShape&, const float*, const std::int64_t*, float*);
template void max_pool_scatter(const PoolShape&, const double*, const std::uint8_t*, double*);
template void max_pool_scatter(const PoolShape&, const double*, const std::int64_t*, double*);
template void max_pool_indices(const PoolShape&, const std::uint8_t*, std::int64_t*);
template void max_pool_indices(const PoolShape&, const std::int64_t*, std::int64_t*);

}  // namespace ravel::kernels
