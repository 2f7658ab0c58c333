#include "ravel/ops/kernels/copy.hpp"

#include <algorithm>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"

namespace ravel::kernels {
namespace {

// The common shape of two arrays in as few dimensions as the strides of both allow.
struct PairLayout {
  Shape shape;
  Strides to, from;
};

PairLayout coalesce_pair(const Shape& shape, const Strides& to, const Strides& from) {
  PairLayout layout;
  for (int dim = 0; dim < shape.rank(); ++dim) {
    if (shape[dim] == 1) continue;
    const int last = layout.shape.rank() - 1;
    if (last >= 0 && layout.to[last] == to[dim] * shape[dim] && layout.from[last] == from[dim] * shape[dim]) {
      layout.shape[last] *= shape[dim];
      layout.to[last] = to[dim];
      layout.from[last] = from[dim];
    } else {
      layout.shape.push_back(shape[dim]);
      layout.to.push_back(to[dim]);
      layout.from.push_back(from[dim]);
    }
  }
  if (layout.shape.empty()) return {{1}, {1}, {1}};
  return layout;
}

template <class T>
void copy_run(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride, std::int64_t count) {
  if (to_stride == 1 && from_stride == 1) {
    std::copy(from, from + count, to);
  } else if (to_stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * from_stride];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

// Copies elements `begin` up to `end`, counted in row-major order, one run along the innermost dimension at a time.
template <class T>
void copy_range(T* to, const T* from, const PairLayout& layout, std::int64_t begin, std::int64_t end) {
  const int last = layout.shape.rank() - 1;
  Shape position = layout.shape;
  std::int64_t rest = begin;
  for (int dim = last; dim >= 0; --dim) {
    position[dim] = rest % layout.shape[dim];
    to += position[dim] * layout.to[dim];
    from += position[dim] * layout.from[dim];
    rest /= layout.shape[dim];
  }
  while (begin < end) {
    const std::int64_t run = std::min(end - begin, layout.shape[last] - position[last]);
    copy_run(to, layout.to[last], from, layout.from[last], run);
    begin += run;
    position[last] += run;
    to += run * layout.to[last];
    from += run * layout.from[last];
    for (int dim = last; dim > 0 && position[dim] == layout.shape[dim]; --dim) {
      position[dim] = 0;
      ++position[dim - 1];
      to += layout.to[dim - 1] - layout.shape[dim] * layout.to[dim];
      from += layout.from[dim - 1] - layout.shape[dim] * layout.from[dim];
    }
  }
}

}  // namespace

void copy_into(Array& target, const Array& source) {
  const PairLayout layout = coalesce_pair(target.shape(), target.strides(), source.strides());
  visit_any(target.dtype(), [&]<class T>() {
    parallel(target.numel(), elements_per_task, [&](std::int64_t begin, std::int64_t end) {
      copy_range(target.data<T>(), source.data<T>(), layout, begin, end);
    });
  });
}

Ref<Array> packed_copy(const Array& x) {
  Ref<Array> y = Array::packed(x.dtype(), x.shape());
  copy_into(*y, x);
  return y;
}

}  // namespace ravel::kernels
