#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/pooling.hpp"
#include "ravel/ops/kernels/pooling_pairs.hpp"
#include "ravel/ops/kernels/pooling_plane.hpp"

namespace ravel::kernels {
namespace {

using Windows = std::vector<AverageAxis::Window>;

Windows windows_of(const AverageAxis& axis) {
  Windows windows;
  for (std::int64_t i = 0; i < axis.out; ++i) windows.push_back(axis.window(i));
  return windows;
}

// Windows of nearly equal sizes that are in fact equal are ordinary ones.
AverageAxis evened(AverageAxis axis) {
  if (axis.kernel == 0 && axis.out > 0 && axis.in % axis.out == 0) axis.kernel = axis.stride = axis.in / axis.out;
  return axis;
}

// One call of average_pool or average_pool_gradient. Columns are added first, in one loop over all rows of a plane,
// then rows. Where windows differ, they are added one by one, and a padded row is as long as the longer of its input
// and output.
template <class T>
class Average {
 public:
  Average(const AverageAxis& rows, const AverageAxis& columns)
      : in_(rows.in),
        out_(rows.out),
        kernel_(columns.kernel),
        rows_(windows_of(rows)),
        windows_(windows_of(columns)),
        columns_(columns.in, columns.out, even() ? kernel_ : std::max(columns.in, columns.out) - columns.out + 1,
                 even() ? columns.stride : 1, even() ? columns.padding : 0),
        divisors_(static_cast<std::size_t>(columns_.points + pool_tail), T(1)) {
    for (std::size_t j = 0; j < windows_.size(); ++j) divisors_[j] = static_cast<T>(windows_[j].divisor);
    for (std::int64_t row = 0, first = 0, last = 0; row < in_; ++row) {
      while (first < out_ && window(first).end <= row) ++first;
      while (last < out_ && window(last).begin <= row) ++last;
      covering_.push_back({first, std::max(first, last)});
    }
  }

  // The averages of `planes` planes.
  void forward(std::int64_t planes, const T* x, T* y) const {
    const std::int64_t points = columns_.points;
    const std::int64_t size = in_ * columns_.pitch + pool_tail * columns_.stride + kernel_;
    const Scratch<T> padded(size), sums(in_ * points + pool_tail), averages(out_ * points + pool_tail);
    std::fill_n(padded.data(), size, T(0));
    at_level([=, this, padded = padded.data(), sums = sums.data(), averages = averages.data()] {
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        copy_rows(in_, columns_.inside, x + plane * in_ * columns_.in, columns_.in, padded + columns_.padding,
                  columns_.pitch);
        add_columns(padded, sums);
        for (std::int64_t i = 0; i < out_; ++i) {
          const AverageAxis::Window& rows = window(i);
          add_rows(rows.begin, rows.end, sums, averages + i * points);
          divide(averages + i * points, static_cast<T>(rows.divisor), averages + i * points);
        }
        copy_rows(out_, columns_.out, averages, points, y + plane * out_ * columns_.out, columns_.out);
      }
    });
  }

  // The adjoint: the same steps, each transposed, in reverse order.
  void backward(std::int64_t planes, const T* dy, T* dx) const {
    const std::int64_t points = columns_.points, size = in_ * points;
    const Scratch<T> source(out_ * points + pool_tail), shares(out_ * points + pool_tail);
    const Scratch<T> sums(points + size + pool_tail), phases(columns_.stride * (size + pool_tail));
    const Scratch<T> padded(size * columns_.stride);
    std::fill_n(source.data(), out_ * points + pool_tail, T(0));
    std::fill_n(sums.data(), points, T(0));
    at_level([=, this, source = source.data(), shares = shares.data(), sums = sums.data() + points,
              padded = padded.data(), phases = phases.data()] {
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        copy_rows(out_, columns_.out, dy + plane * out_ * columns_.out, columns_.out, source, points);
        for (std::int64_t i = 0; i < out_; ++i) {
          divide(source + i * points, static_cast<T>(window(i).divisor), shares + i * points);
        }
        for (std::int64_t row = 0; row < in_; ++row) {
          const Range& range = covering_[static_cast<std::size_t>(row)];
          add_rows(range.first, range.last, shares, sums + row * points);
        }
        spread_columns(sums, phases, padded);
        T* const to = dx + plane * in_ * columns_.in;
        copy_rows(in_, columns_.inside, padded + columns_.padding, columns_.pitch, to, columns_.in);
        for (std::int64_t row = 0; row < in_ && columns_.inside < columns_.in; ++row) {
          std::fill(to + row * columns_.in + columns_.inside, to + (row + 1) * columns_.in, T(0));
        }
      }
    });
  }

 private:
  struct Range {
    std::int64_t first, last;
  };

  bool even() const { return kernel_ > 0; }
  const AverageAxis::Window& window(std::int64_t i) const { return rows_[static_cast<std::size_t>(i)]; }

  // sums[r, j] = the sum of row r over column window j.
  void add_columns(const T* padded, T* sums) const {
    const std::int64_t count = round_up(in_ * columns_.points, pool_lanes);
    for (std::int64_t r = 0; r < in_ && !even(); ++r) {
      for (std::int64_t j = 0; j < columns_.out; ++j) {
        T sum = 0;
        for (std::int64_t k = windows_[j].begin; k < windows_[j].end; ++k) sum += padded[r * columns_.pitch + k];
        sums[r * columns_.points + j] = sum;
      }
    }
    with_stride(columns_.stride, [=, this](auto stride) {
      for (std::int64_t q = 0; q < kernel_; ++q) {
        RAVEL_INDEPENDENT
        for (std::int64_t m = 0; m < count; ++m) sums[m] = (q == 0 ? T(0) : sums[m]) + padded[m * stride + q];
      }
    });
  }

  // to = the sum of rows [begin, end) of `from`; its last vector may reach into what follows.
  void add_rows(std::int64_t begin, std::int64_t end, const T* from, T* to) const {
    const std::int64_t count = round_up(columns_.points, pool_lanes);
    if (begin >= end) std::fill_n(to, count, T(0));
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const x = from + row * columns_.points;
      if (row == begin) {
        RAVEL_INDEPENDENT
        for (std::int64_t j = 0; j < count; ++j) to[j] = x[j];
      } else {
        RAVEL_INDEPENDENT
        for (std::int64_t j = 0; j < count; ++j) to[j] += x[j];
      }
    }
  }

  // to[j] = from[j] divided by the size of window j in a window of rows.
  void divide(const T* from, T row_divisor, T* to) const {
    const T* const divisors = divisors_.data();
    const std::int64_t count = round_up(columns_.points, pool_lanes);
    RAVEL_INDEPENDENT
    for (std::int64_t j = 0; j < count; ++j) to[j] = from[j] / (row_divisor * divisors[j]);
  }

  // Element m * stride + f of `padded` is the sum of the windows m, m - 1, ... that reach it. What comes before a row
  // are the windows behind the end of the row before, which are zeros.
  void spread_columns(const T* sums, T* phases, T* padded) const {
    const std::int64_t size = in_ * columns_.points, count = round_up(size, pool_lanes), stride = columns_.stride;
    if (!even()) {
      std::fill_n(padded, in_ * columns_.pitch, T(0));
      for (std::int64_t r = 0; r < in_; ++r) {
        for (std::int64_t j = 0; j < columns_.out; ++j) {
          const T share = sums[r * columns_.points + j];
          for (std::int64_t k = windows_[j].begin; k < windows_[j].end; ++k) padded[r * columns_.pitch + k] += share;
        }
      }
      return;
    }
    for (std::int64_t f = 0; f < stride; ++f) {
      T* const phase = phases + f * (size + pool_tail);
      if (f >= kernel_) std::fill_n(phase, count, T(0));
      for (std::int64_t q = f, shift = 0; q < kernel_; q += stride, ++shift) {
        RAVEL_INDEPENDENT
        for (std::int64_t m = 0; m < count; ++m) phase[m] = (shift == 0 ? T(0) : phase[m]) + sums[m - shift];
      }
    }
    if (stride == 2) {
      const T* const odd = phases + size + pool_tail;
      RAVEL_INDEPENDENT
      for (std::int64_t m = 0; m < size; ++m) {
        padded[2 * m] = phases[m];
        padded[2 * m + 1] = odd[m];
      }
      return;
    }
    for (std::int64_t f = 0; f < stride; ++f) {
      for (std::int64_t m = 0; m < size; ++m) padded[m * stride + f] = phases[f * (size + pool_tail) + m];
    }
  }

  const std::int64_t in_, out_;  // rows
  const std::int64_t kernel_;    // columns of a window; 0: windows differ
  const Windows rows_, windows_;
  const PoolColumns columns_;
  std::vector<T> divisors_;
  std::vector<Range> covering_;  // the windows of rows that each row lies in
};

// Do the windows tile x in pairs? Then pooling_pairs.hpp describes them.
bool tile_in_pairs(const AverageAxis& rows, const AverageAxis& columns) {
  const auto tiles = [](const AverageAxis& axis) {
    return axis.kernel == axis.stride && axis.padding == 0 && axis.kernel * axis.out <= axis.in;
  };
  return tiles(rows) && tiles(columns) && (rows.kernel == 1 || rows.kernel == 2) && columns.kernel == 2;
}

// y of `count` windows of 1x2 in x0, or of 2x2 in x0 and x1.
template <int rows, class T>
void average_pairs(std::int64_t count, const T* x0, const T* x1, T* y) {
  for_each_in_blocks(count, [=](std::int64_t j) {
    T sum = x0[2 * j] + x0[2 * j + 1];
    if constexpr (rows == 2) sum += x1[2 * j] + x1[2 * j + 1];
    y[j] = sum * (T(1) / (2 * rows));
  });
}

// The rows of dx that belong to these windows.
template <int rows, class T>
void spread_to_pairs(std::int64_t count, const T* dy, T* dx0, T* dx1) {
  for_each_in_blocks(count, [=](std::int64_t j) {
    const T share = dy[j] * (T(1) / (2 * rows));
    dx0[2 * j] = share;
    dx0[2 * j + 1] = share;
    if constexpr (rows == 2) {
      dx1[2 * j] = share;
      dx1[2 * j + 1] = share;
    }
  });
}

template <class T>
void average_plane(const PairWindows& windows, const T* x, T* y) {
  windows.for_each_run([&](auto rows, std::int64_t count, std::int64_t from, std::int64_t to) {
    average_pairs<rows()>(count, x + from, x + from + windows.in[1], y + to);
  });
}

template <class T>
void spread_to_plane(const PairWindows& windows, const T* dy, T* dx) {
  windows.for_each_run([&](auto rows, std::int64_t count, std::int64_t to, std::int64_t from) {
    spread_to_pairs<rows()>(count, dy + from, dx + to, dx + to + windows.in[1]);
  });
  windows.clear_others(dx);
}

}  // namespace

AverageAxis::Window AverageAxis::window(std::int64_t i) const {
  if (kernel == 0) {
    const std::int64_t begin = i * in / out, end = blocks_of((i + 1) * in, out);
    return {begin, end, end - begin};
  }
  const std::int64_t first = i * stride - padding, last = std::min(first + kernel, in + padding);
  const std::int64_t begin = std::max<std::int64_t>(first, 0), end = std::min(last, in);
  return {begin, end, count_padding ? last - first : end - begin};
}

template <class T>
void average_pool(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* x, T* y) {
  if (planes * rows.out * columns.out == 0) return;
  const std::int64_t in = rows.in * columns.in, out = rows.out * columns.out;
  if (tile_in_pairs(evened(rows), evened(columns))) {
    const PairWindows windows{evened(rows).kernel, {rows.in, columns.in}, {rows.out, columns.out}};
    parallel(planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
      at_level([=] {
        for (std::int64_t i = begin; i < end; ++i) average_plane(windows, x + i * in, y + i * out);
      });
    });
    return;
  }
  const Average<T> average(evened(rows), evened(columns));
  parallel(planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
    average.forward(end - begin, x + begin * in, y + begin * out);
  });
}

template <class T>
void average_pool_gradient(std::int64_t planes, const AverageAxis& rows, const AverageAxis& columns, const T* dy,
                           T* dx) {
  if (planes * rows.in * columns.in == 0) return;
  const std::int64_t in = rows.in * columns.in, out = rows.out * columns.out;
  if (tile_in_pairs(evened(rows), evened(columns))) {
    const PairWindows windows{evened(rows).kernel, {rows.in, columns.in}, {rows.out, columns.out}};
    parallel(planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
      at_level([=] {
        for (std::int64_t i = begin; i < end; ++i) spread_to_plane(windows, dy + i * out, dx + i * in);
      });
    });
    return;
  }
  const Average<T> average(evened(rows), evened(columns));
  parallel(planes, planes_per_task(in), [&](std::int64_t begin, std::int64_t end) {
    average.backward(end - begin, dy + begin * out, dx + begin * in);
  });
}

template void average_pool(std::int64_t, const AverageAxis&, const AverageAxis&, const float*, float*);
template void average_pool(std::int64_t, const AverageAxis&, const AverageAxis&, const double*, double*);
template void average_pool_gradient(std::int64_t, const AverageAxis&, const AverageAxis&, const float*, float*);
template void average_pool_gradient(std::int64_t, const AverageAxis&, const AverageAxis&, const double*, double*);

}  // namespace ravel::kernels
