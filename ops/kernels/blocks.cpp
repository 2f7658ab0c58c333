#include "ravel/ops/kernels/blocks.hpp"

namespace ravel::kernels {

Layout coalesce(const Shape& shape, const Strides& strides) {
  if (shape.contains(0)) return {{0}, {1}};
  Layout layout;
  for (int dim = 0; dim < shape.rank(); ++dim) {
    if (shape[dim] == 1) continue;
    const int last = layout.shape.rank() - 1;
    if (last >= 0 && layout.strides[last] == strides[dim] * shape[dim]) {
      layout.shape[last] *= shape[dim];
      layout.strides[last] = strides[dim];
    } else {
      layout.shape.push_back(shape[dim]);
      layout.strides.push_back(strides[dim]);
    }
  }
  if (layout.shape.empty()) return {{1}, {1}};
  return layout;
}

}  // namespace ravel::kernels
