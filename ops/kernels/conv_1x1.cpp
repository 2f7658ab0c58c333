#include "ravel/ops/kernels/conv_1x1.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// A call of multiply_images.
template <class T>
struct Images {
  std::int64_t count, pixels, channels, depth;
  Matrix<T> weights;
  const T* source;
  ConvEpilogue<T> epilogue;
  T* target;

  Matrix<T> transposed_weights() const { return {weights.data, weights.column_stride, weights.row_stride}; }

  // How many images at a time have their pixels in the rows of one matrix. It is no large product, so that its chains
  // of additions, and with them the bits, are those of images by themselves.
  std::int64_t in_one_matrix() const {
    return std::clamp<std::int64_t>((large_product - 1) / (pixels * channels), 1, count);
  }
};

// Does it take less time to move the pixels of small images into rows and back than to leave lanes idle? The prices
// are those of time_of in gemm.cpp, which would move the weights for each image by itself.
template <class T>
bool has_small_images(const Images<T>& s) {
  constexpr std::int64_t operand_move = 5, result_move = 14;
  const std::int64_t together = s.in_one_matrix(), lanes = contraction<T>().lanes;
  if (together == 1 || together * s.pixels <= dots_rows || s.channels <= dots_rows) return false;
  const std::int64_t moves = operand_move * s.pixels * s.depth + result_move * s.pixels * s.channels;
  const std::int64_t weight_moves = operand_move * s.channels * s.depth / together;
  const std::int64_t idle_lanes = round_up(s.pixels, lanes) - s.pixels;
  return moves + weight_moves < idle_lanes * s.channels * s.depth;
}

// The pixels of some images at a time are the rows of a matrix.
template <class T>
void multiply_small_images(const Images<T>& s) {
  const std::int64_t most = s.in_one_matrix();
  const Scratch<T> rows(most * s.pixels * s.depth), results(most * s.pixels * s.channels);
  const std::int64_t grain = blocks_of(inline_work, s.pixels * s.depth);
  for (std::int64_t first = 0; first < s.count; first += most) {
    const std::int64_t images = std::min(most, s.count - first);
    parallel(images, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t size = s.pixels * s.depth;
        transpose(s.depth, s.pixels, s.source + (first + i) * size, s.pixels, rows.data() + i * size, s.depth);
      }
    });
    gemm<T>(images * s.pixels, s.channels, s.depth, {rows.data(), s.depth, 1}, s.transposed_weights(), results.data(),
            s.channels, {.column_bias = s.epilogue.bias, .relu = s.epilogue.relu});
    parallel(images, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t size = s.pixels * s.channels;
        transpose(s.pixels, s.channels, results.data() + i * size, s.channels, s.target + (first + i) * size, s.pixels);
      }
    });
  }
}

}  // namespace

bool is_1x1(const ConvShape& s) {
  using Pair = std::array<std::int64_t, 2>;
  return s.groups == 1 && s.kernel == Pair{1, 1} && s.stride == Pair{1, 1} && s.padding == Pair{0, 0} && s.in == s.out;
}

template <class T>
void multiply_images(const ConvShape& shape, std::int64_t channels, std::int64_t depth, const Matrix<T>& weights,
                     const T* source, const ConvEpilogue<T>& epilogue, T* target) {
  const std::int64_t pixels = shape.in[0] * shape.in[1];
  const Images<T> given{shape.batch, pixels, channels, depth, weights, source, epilogue, target};
  // Images of one pixel are the rows of a matrix, and the weights are read once for all of them.
  if (pixels == 1) {
    return gemm<T>(shape.batch, channels, depth, {source, depth, 1}, given.transposed_weights(), target, channels,
                   {.column_bias = epilogue.bias, .relu = epilogue.relu});
  }
  if (pixels * channels > 0 && has_small_images(given)) return multiply_small_images(given);
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
