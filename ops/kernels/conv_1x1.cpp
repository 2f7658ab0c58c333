#include "ravel/ops/kernels/conv_1x1.hpp"

#include <array>
#include <vector>

namespace ravel::kernels {

bool is_1x1(const ConvShape& s) {
  using Pair = std::array<std::int64_t, 2>;
  return s.groups == 1 && s.kernel == Pair{1, 1} && s.stride == Pair{1, 1} && s.padding == Pair{0, 0} && s.in == s.out;
}

template <class T>
void multiply_images(const ConvShape& shape, std::int64_t channels, std::int64_t depth, const Matrix<T>& weights,
                     const T* source, const ConvEpilogue<T>& epilogue, T* target) {
  const std::int64_t pixels = shape.in[0] * shape.in[1];
  // Images of one pixel are the rows of a matrix, and the weights are read once for all of them.
  if (pixels == 1) {
    const Matrix<T> transposed{weights.data, weights.column_stride, weights.row_stride};
    return gemm<T>(shape.batch, channels, depth, {source, depth, 1}, transposed, target, channels,
                   {.column_bias = epilogue.bias, .relu = epilogue.relu});
  }
  std::vector<std::int64_t> images;
  for (std::int64_t i = 0; i < shape.batch; ++i) images.push_back(i * depth * pixels);
  gemm<T>(channels, pixels, depth, weights, {source, pixels, 1}, target, pixels,
          {.row_bias = epilogue.bias, .relu = epilogue.relu},
          {.count = shape.batch, .a = {}, .b = images, .c_stride = channels * pixels});
}

template void multiply_images(const ConvShape&, std::int64_t, std::int64_t, const Matrix<float>&, const float*,
                              const ConvEpilogue<float>&, float*);
template void multiply_images(const ConvShape&, std::int64_t, std::int64_t, const Matrix<double>&, const double*,
                              const ConvEpilogue<double>&, double*);

}  // namespace ravel::kernels
