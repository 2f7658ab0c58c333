#include "ravel/ops/kernels/conv_1x1.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
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

  std::int64_t operand_size() const { return pixels * depth; }  // of an image
  std::int64_t result_size() const { return pixels * channels; }

  // Into how many groups the images fall, at least, so that the pixels of one are the rows of a matrix that makes no
  // large product: its chains of additions, and with them the bits, are then those of images by themselves.
  std::int64_t fewest_groups() const {
    return blocks_of(count, std::max<std::int64_t>(1, (large_product - 1) / result_size()));
  }
  // Might the product of a group be made of dots, which have other bits?
  bool may_be_dots(std::int64_t groups) const { return count / groups * pixels <= dots_rows || channels <= dots_rows; }
};

// Does it take less time to move the pixels of small images into rows and back than to leave lanes idle, or to move the
// weights for each image?
template <class T>
bool has_small_images(const Images<T>& s) {
  const std::int64_t groups = s.fewest_groups(), images = blocks_of(s.count, groups);
  if (s.may_be_dots(groups)) return false;
  const std::int64_t alone = gemm_time<T>(s.channels, s.pixels, s.depth, s.weights, {s.source, s.pixels, 1});
  const std::int64_t group =
      gemm_time<T>(images * s.pixels, s.channels, s.depth, {s.source, s.depth, 1}, s.transposed_weights());
  const std::int64_t moves = operand_move * s.operand_size() + result_move * s.result_size();
  return group / images + moves < alone;
}

// A group of images at a time, the whole of it on one thread, so that rows need not change cores.
template <class T>
void multiply_small_images(const Images<T>& s) {
  const std::int64_t shared = std::min(s.count, round_up(s.fewest_groups(), threads()));
  const std::int64_t groups = s.may_be_dots(shared) ? s.fewest_groups() : shared, most = blocks_of(s.count, groups);
  const std::int64_t work = s.count * s.operand_size() * s.channels / groups;
  parallel_with(groups, blocks_of(inline_work, std::max<std::int64_t>(1, work)), [&] {
    return [&, rows = Scratch<T>(most * s.operand_size()), results = Scratch<T>(most * s.result_size())](
               std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = s.count * begin / groups, i = begin; i < end; ++i) {
        const std::int64_t last = s.count * (i + 1) / groups, images = last - first;
        for (std::int64_t n = 0; n < images; ++n) {
          transpose(s.depth, s.pixels, s.source + (first + n) * s.operand_size(), s.pixels,
                    rows.data() + n * s.operand_size(), s.depth);
        }
        gemm<T>(images * s.pixels, s.channels, s.depth, {rows.data(), s.depth, 1}, s.transposed_weights(),
                results.data(), s.channels, {.column_bias = s.epilogue.bias, .relu = s.epilogue.relu});
        for (std::int64_t n = 0; n < images; ++n) {
          transpose(s.pixels, s.channels, results.data() + n * s.result_size(), s.channels,
                    s.target + (first + n) * s.result_size(), s.pixels);
        }
        first = last;
      }
    };
  });
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
  if (shape.batch * channels * pixels == 0) return;
  const Images<T> given{shape.batch, pixels, channels, depth, weights, source, epilogue, target};
  // Images of one pixel are the rows of a matrix, and the weights are read once for all of them.
  if (pixels == 1) {
    return gemm<T>(shape.batch, channels, depth, {source, depth, 1}, given.transposed_weights(), target, channels,
                   {.column_bias = epilogue.bias, .relu = epilogue.relu});
  }
  if (has_small_images(given)) return multiply_small_images(given);
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
