#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/pooling.hpp"
#include "ravel/ops/kernels/pooling_pairs.hpp"
#include "ravel/ops/kernels/pooling_plane.hpp"

namespace ravel::kernels {
namespace {

// Taps are counted in integers as wide as the elements, so that both share the lanes of a vector.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

// Where x's row or column of tap `tap` of window `i` lies along dimension d; outside of x it may be negative or too
// large.
std::int64_t position(const PoolShape& shape, std::size_t d, std::int64_t i, std::int64_t tap) {
  return i * shape.stride[d] + tap * shape.dilation[d] - shape.padding[d];
}

// The first tap of window `i` along dimension d that lies inside of x.
std::int64_t first_tap(const PoolShape& shape, std::size_t d, std::int64_t i) {
  return blocks_of(std::max<std::int64_t>(0, shape.padding[d] - i * shape.stride[d]), shape.dilation[d]);
}

// Do the windows tile x in pairs? Then pooling_pairs.hpp describes them.
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

// Of each of `count` elements the greater of best[j] and x[j * stride], and its number in tap[j]; `stride` is a
// constant where the compiler can make use of one.
template <class T, class Stride>
void max_with(std::int64_t count, const T* x, Stride stride, Lane<T> number, T* best, Lane<T>* tap) {
  RAVEL_INDEPENDENT
  for (std::int64_t j = 0; j < count; ++j) {
    const T v = x[j * stride];
    const Lane<T> greater = wins(v, best[j]);
    best[j] = choose(greater, best[j], v);
    tap[j] += greater * (number - tap[j]);
  }
}

// The same where each x has a number of its own.
template <class T>
void max_with(std::int64_t count, const T* x, const Lane<T>* numbers, Lane<T> number, T* best, Lane<T>* tap) {
  RAVEL_INDEPENDENT
  for (std::int64_t j = 0; j < count; ++j) {
    const Lane<T> greater = wins(x[j], best[j]);
    best[j] = choose(greater, best[j], x[j]);
    tap[j] += greater * (number + numbers[j] - tap[j]);
  }
}

// One call of max_pool. The columns of each window are reduced first, in one loop over all rows of a plane, then its
// rows.
template <class T>
class Maxima {
 public:
  explicit Maxima(const PoolShape& shape)
      : shape_(shape),
        columns_(shape.in[1], shape.out[1], (shape.kernel[1] - 1) * shape.dilation[1] + 1, shape.stride[1],
                 shape.padding[1]) {
    for (std::int64_t j = 0; j < round_up(columns_.out, pool_lanes); ++j) {
      first_taps_.push_back(static_cast<Lane<T>>(j < shape.out[1] ? first_tap(shape, 1, j) : 0));
    }
  }

  template <class Tap>
  void operator()(std::int64_t planes, const T* x, T* y, Tap* taps) const {
    const std::int64_t rows = shape_.in[0], points = columns_.points, pitch = columns_.pitch;
    const std::int64_t size = rows * pitch + pool_tail * columns_.stride + (shape_.kernel[1] - 1) * shape_.dilation[1];
    const std::int64_t in = rows * columns_.in, out = shape_.out[0] * columns_.out;
    const Scratch<T> padded(size), row_maxima(rows * points + pool_tail), maxima(out + pool_tail);
    const Scratch<Lane<T>> row_taps(rows * points + pool_tail), numbers(out + pool_tail);
    std::fill_n(padded.data(), size, -std::numeric_limits<T>::infinity());
    for (std::int64_t plane = 0; plane < planes; ++plane, x += in, y += out, taps += out) {
      at_level([&, x, y, taps] {
        copy_rows(rows, columns_.inside, x, columns_.in, padded.data() + columns_.padding, pitch);
        reduce_columns(padded.data(), row_maxima.data(), row_taps.data());
        for (std::int64_t i = 0; i < shape_.out[0]; ++i) {
          const std::int64_t first = i * columns_.out;
          reduce_rows(i, row_maxima.data(), row_taps.data(), maxima.data() + first, numbers.data() + first);
        }
        copy_rows(1, out, maxima.data(), out, y, out);
        copy_rows(1, out, numbers.data(), out, taps, out);
      });
    }
  }

 private:
  // best[r, j] and tap[r, j]: the maximum of row r over column window j, and which of its columns it is.
  void reduce_columns(const T* padded, T* best, Lane<T>* tap) const {
    const std::int64_t count = round_up(shape_.in[0] * columns_.points, pool_lanes);
    with_stride(columns_.stride, [=, this](auto stride) {
      RAVEL_INDEPENDENT
      for (std::int64_t m = 0; m < count; ++m) {
        best[m] = padded[m * stride];
        tap[m] = 0;
      }
      for (std::int64_t q = 1; q < shape_.kernel[1]; ++q) {
        max_with(count, padded + q * shape_.dilation[1], stride, static_cast<Lane<T>>(q), best, tap);
      }
    });
  }

  // A row of maxima and their taps, from the rows of window i; to be called for one i after the other, since the last
  // vector may reach into the next row. Where nothing is greater than the padding, the first tap inside of x counts.
  void reduce_rows(std::int64_t i, const T* rows, const Lane<T>* row_taps, T* best, Lane<T>* tap) const {
    const std::int64_t count = round_up(columns_.out, pool_lanes), first = first_tap(shape_, 0, i);
    const Lane<T>* const first_taps = first_taps_.data();
    for (std::int64_t p = first; p < shape_.kernel[0] && position(shape_, 0, i, p) < shape_.in[0]; ++p) {
      const std::int64_t row = position(shape_, 0, i, p) * columns_.points;
      const T* const x = rows + row;
      const Lane<T>* const numbers = row_taps + row;
      const auto number = static_cast<Lane<T>>(p * shape_.kernel[1]);
      if (p > first) {
        max_with(count, x, numbers, number, best, tap);
        continue;
      }
      RAVEL_INDEPENDENT
      for (std::int64_t j = 0; j < count; ++j) {
        best[j] = x[j];
        tap[j] = number + std::max(numbers[j], first_taps[j]);
      }
    }
  }

  const PoolShape shape_;
  const PoolColumns columns_;
  std::vector<Lane<T>> first_taps_;  // of each column, inside of x
};

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

// Keeps the greater of `best` and v, and its number in `tap`.
template <class T>
void keep_greater(T v, Lane<T> number, T& best, Lane<T>& tap) {
  const Lane<T> greater = wins(v, best);
  best = choose(greater, best, v);
  tap += greater * (number - tap);
}

// y and the numbers of the taps of `count` windows of 1x2 in x0, or of 2x2 in x0 and x1.
template <int rows, class T>
void max_of_pairs(std::int64_t count, const T* x0, const T* x1, T* y, Lane<T>* numbers) {
  for_each_in_blocks(count, [=](std::int64_t j) {
    T best = x0[2 * j];
    Lane<T> tap = 0;
    keep_greater(x0[2 * j + 1], Lane<T>{1}, best, tap);
    if constexpr (rows == 2) {
      keep_greater(x1[2 * j], Lane<T>{2}, best, tap);
      keep_greater(x1[2 * j + 1], Lane<T>{3}, best, tap);
    }
    y[j] = best;
    numbers[j] = tap;
  });
}

// g where `taken` is 1, zero where it is 0.
template <class T>
T masked(Lane<T> taken, T g) {
  return std::bit_cast<T>(std::bit_cast<Lane<T>>(g) & -taken);
}

// The rows of dx that belong to these windows: every element is written once.
template <int rows, class T>
void scatter_to_pairs(std::int64_t count, const T* dy, const Lane<T>* numbers, T* dx0, T* dx1) {
  for_each_in_blocks(count, [=](std::int64_t j) {
    dx0[2 * j] = masked<T>(numbers[j] == 0, dy[j]);
    dx0[2 * j + 1] = masked<T>(numbers[j] == 1, dy[j]);
    if constexpr (rows == 2) {
      dx1[2 * j] = masked<T>(numbers[j] == 2, dy[j]);
      dx1[2 * j + 1] = masked<T>(numbers[j] == 3, dy[j]);
    }
  });
}

// One plane. `numbers` is scratch space for its windows: taps are counted in lanes and stored as they are kept.
template <class T, class Tap>
void max_of_plane(const PairWindows& windows, const T* x, T* y, Lane<T>* numbers, Tap* taps) {
  windows.for_each_run([&](auto rows, std::int64_t count, std::int64_t from, std::int64_t to) {
    max_of_pairs<rows()>(count, x + from, x + from + windows.in[1], y + to, numbers + to);
  });
  const std::int64_t out = windows.out[0] * windows.out[1];
  copy_rows(1, out, numbers, out, taps, out);
}

template <class T, class Tap>
void scatter_to_plane(const PairWindows& windows, const T* dy, const Tap* taps, Lane<T>* numbers, T* dx) {
  const std::int64_t out = windows.out[0] * windows.out[1];
  copy_rows(1, out, taps, out, numbers, out);
  windows.for_each_run([&](auto rows, std::int64_t count, std::int64_t to, std::int64_t from) {
    scatter_to_pairs<rows()>(count, dy + from, numbers + from, dx + to, dx + to + windows.in[1]);
  });
  windows.clear_others(dx);
}

}  // namespace

template <class T, class Tap>
void max_pool(const PoolShape& shape, const T* x, T* y, Tap* taps) {
  const std::int64_t in = shape.in[0] * shape.in[1], out = shape.out[0] * shape.out[1];
  if (shape.planes * out == 0) return;
  if (tiles_in_pairs(shape)) {
    const PairWindows windows{shape.kernel[0], shape.in, shape.out};
    parallel(shape.planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
      const Scratch<Lane<T>> numbers(out);
      at_level([=, numbers = numbers.data()] {
        for (std::int64_t i = begin; i < end; ++i)
          max_of_plane(windows, x + i * in, y + i * out, numbers, taps + i * out);
      });
    });
    return;
  }
  const Maxima<T> maxima(shape);
  parallel(shape.planes, planes_per_task(in * shape.kernel[1]), [&](std::int64_t begin, std::int64_t end) {
    maxima(end - begin, x + begin * in, y + begin * out, taps + begin * out);
  });
}

template <class T, class Tap>
void max_pool_gather(const PoolShape& shape, const T* x, const Tap* taps, T* y) {
  const std::int64_t in = shape.in[0] * shape.in[1], out = shape.out[0] * shape.out[1];
  parallel(shape.planes, planes_per_task(out), [&](std::int64_t begin, std::int64_t end) {
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
  if (tiles_in_pairs(shape)) {
    const PairWindows windows{shape.kernel[0], shape.in, shape.out};
    parallel(shape.planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
      const Scratch<Lane<T>> numbers(out);
      at_level([=, numbers = numbers.data()] {
        for (std::int64_t i = begin; i < end; ++i) {
          scatter_to_plane(windows, dy + i * out, taps + i * out, numbers, dx + i * in);
        }
      });
    });
    return;
  }
  parallel(shape.planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const T* const from = dy + plane * out;
      T* const to = dx + plane * in;
      std::fill_n(to, in, T{0});
      for_each_tap(shape, taps + plane * out, [=](std::int64_t output, std::int64_t at) { to[at] += from[output]; });
    }
  });
}

template <class Tap>
void max_pool_indices(const PoolShape& shape, const Tap* taps, std::int64_t* indices) {
  const std::int64_t out = shape.out[0] * shape.out[1];
  parallel(shape.planes, planes_per_task(out), [&](std::int64_t begin, std::int64_t end) {
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
