#include "ravel/ops/kernels/index.hpp"

#include <algorithm>
#include <atomic>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {
namespace {

// A packed array seen from one dimension: `outer` times `size` rows of `inner` neighbouring elements.
struct Rows {
  Rows(const Shape& shape, int dim) : size(shape[dim]) {
    for (int i = 0; i < dim; ++i) outer *= shape[i];
    for (int i = dim + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  std::int64_t outer = 1, size, inner = 1;
};

std::int64_t tasks_of(std::int64_t elements) {
  return std::max<std::int64_t>(1, elements_per_task / std::max<std::int64_t>(1, elements));
}

}  // namespace

bool all_below(const std::int64_t* index, std::int64_t count, std::int64_t size) {
  std::atomic<bool> inside = true;
  const auto last = static_cast<std::uint64_t>(size - 1);
  parallel(count, elements_per_task, [&](std::int64_t begin, std::int64_t end) {
    std::uint64_t outside = 0;  // its highest bit, once one is negative or too large
    at_level([=, &outside] {
      std::uint64_t found = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        found |= static_cast<std::uint64_t>(index[i]) | (last - static_cast<std::uint64_t>(index[i]));
      }
      outside = found;
    });
    if (outside >> 63 != 0) inside = false;
  });
  return inside;
}

void gather(Array& y, const Array& x, int dim, const Array& index) {
  const Shape& shape = y.shape();
  const int last = shape.rank() - 1;
  const std::int64_t along = x.strides()[dim], length = shape[last];
  Strides across = x.strides();
  across[dim] = 0;
  const std::int64_t* const to = index.data<std::int64_t>();
  visit_any(x.dtype(), [&]<class T>() {
    T* const out = y.data<T>();
    parallel(y.numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t run = std::min(end - begin, length - begin % length);
        const T* const row = x.data<T>() + offset_of(begin, shape, across);
        if (dim == last && along == 1) {  // the usual case, without a multiplication
          for (std::int64_t j = begin; j < begin + run; ++j) out[j] = row[to[j]];
        } else {
          for (std::int64_t j = 0; j < run; ++j) out[begin + j] = row[j * across[last] + to[begin + j] * along];
        }
        begin += run;
      }
    });
  });
}

void scatter_add(Array& y, int dim, const Array& index, const Array& x) {
  // A line is what lies along `dim`. Lines that are neighbours along the last dimension are walked side by side.
  Shape lines = index.shape();
  Strides y_strides = y.strides(), x_strides = x.strides();
  lines.erase(dim);
  y_strides.erase(dim);
  x_strides.erase(dim);
  const bool side_by_side = dim != index.shape().rank() - 1;
  const std::int64_t size = index.shape()[dim], width = side_by_side ? lines.back() : 1;
  const std::int64_t y_along = y.strides()[dim], x_along = x.strides()[dim];
  if (x.numel() == 0) return;
  visit_numeric(y.dtype(), "scatter_add", [&]<class T>() {
    parallel(lines.numel(), tasks_of(size), [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t run = std::min(end - begin, width - begin % width);
        const std::int64_t start = offset_of(begin, lines, x_strides);
        T* const out = y.data<T>() + offset_of(begin, lines, y_strides);
        if (!side_by_side) {  // the elements of a line are neighbours
          const std::int64_t* const to = index.data<std::int64_t>() + start;
          const T* const from = x.data<T>() + start;
          for (std::int64_t i = 0; i < size; ++i) out[to[i]] += from[i];
        }
        for (std::int64_t i = 0; side_by_side && i < size; ++i) {
          const std::int64_t* const to = index.data<std::int64_t>() + start + i * x_along;
          const T* const from = x.data<T>() + start + i * x_along;
          for (std::int64_t j = 0; j < run; ++j) out[j + to[j] * y_along] += from[j];
        }
        begin += run;
      }
    });
  });
}

void index_select(Array& y, const Array& x, int dim, const Array& index) {
  const Rows from(x.shape(), dim), to(y.shape(), dim);
  const std::int64_t* const which = index.data<std::int64_t>();
  visit_any(x.dtype(), [&]<class T>() {
    const T* const in = x.data<T>();
    T* const out = y.data<T>();
    parallel(to.outer * to.size, tasks_of(to.inner), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* const source = in + (row / to.size * from.size + which[row % to.size]) * from.inner;
        if (to.inner == 1) {
          out[row] = *source;
        } else {
          std::copy(source, source + to.inner, out + row * to.inner);
        }
      }
    });
  });
}

void index_add(Array& y, int dim, const Array& index, const Array& x) {
  const Rows from(x.shape(), dim), to(y.shape(), dim);
  const std::int64_t* const which = index.data<std::int64_t>();
  // Each part goes through all of the index and adds what belongs to its own rows of y: every parts-th run of 16.
  const std::int64_t added = from.size * from.inner;
  const std::int64_t parts = std::clamp<std::int64_t>(added / elements_per_task, 1, threads());
  visit_numeric(y.dtype(), "index_add", [&]<class T>() {
    parallel(to.outer * parts, tasks_of(added / parts), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task) {
        const std::int64_t block = task / parts, part = task % parts;
        T* const out = y.data<T>() + block * to.size * to.inner;
        const T* const in = x.data<T>() + block * added;
        at_level([=] {
          for (std::int64_t i = 0; i < from.size; ++i) {
            if (parts > 1 && which[i] / 16 % parts != part) continue;
            T* const sums = out + which[i] * from.inner;
            const T* const row = in + i * from.inner;
            RAVEL_INDEPENDENT
            for (std::int64_t j = 0; j < from.inner; ++j) sums[j] += row[j];
          }
        });
      }
    });
  });
}

}  // namespace ravel::kernels
