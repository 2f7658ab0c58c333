#include "ravel/ops/kernels/panels.hpp"

#include "ravel/ops/kernels/contraction/contraction.hpp"

namespace ravel::kernels {

template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T* to,
               std::int64_t to_row) {
  contraction<T>().transpose(rows, columns, from, from_row, to, to_row);
}

template <class T>
void pack_panel(std::int64_t width, std::int64_t count, std::int64_t depth, const T* from, std::int64_t row_stride,
                std::int64_t depth_stride, T* panel) {
  contraction<T>().pack_panel(width, count, depth, from, row_stride, depth_stride, panel);
}

template void transpose(std::int64_t, std::int64_t, const float*, std::int64_t, float*, std::int64_t);
template void transpose(std::int64_t, std::int64_t, const double*, std::int64_t, double*, std::int64_t);
template void pack_panel(std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t, float*);
template void pack_panel(std::int64_t, std::int64_t, std::int64_t, const double*, std::int64_t, std::int64_t, double*);

}  // namespace ravel::kernels
