#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/ahead.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/conv_weight_gradient.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// One call of weight_gradient_of_row. x is transposed into a line of pixels (position, channel), with zeros for the
// padding. What the taps of one output pixel read then lies side by side, taps of neighbouring pixels overlap, and the
// line is a matrix (pixel, tap and channel) whose rows are one position apart. dy is read where it lies. Partial
// results are matrices (chunk, group, out_channel, tap and channel).
template <class T>
class RowGradient {
 public:
  RowGradient(const ConvShape& shape, const T* x, const T* dy)
      : shape_(shape),
        x_(x),
        dy_(dy),
        pixels_(shape.out[1]),
        read_(std::clamp<std::int64_t>(pixels_ + kernel() - 1 - shape.padding[1], 0, shape.in[1])),
        block_(pixels_of_chain(shape)),
        columns_(round_up(taps(), kernels_.lanes)),
        chunks_(image_chunks_of(shape)),
        partial_(chunks_ * shape.groups * shape.out_channels * columns_) {
    for (std::int64_t o = 0; o < shape.out_channels; ++o) row_.push_back(o * pixels_);
    for (std::int64_t k = 0; k < std::min(block_, pixels_); ++k) pixel_.push_back(static_cast<std::int32_t>(k));
  }

  void operator()(T* dw) const {
    const GradientTasks tasks(shape_, shape_.out_channels);
    // The last pixel reads whole vectors: what they find behind its taps reaches no result.
    const std::int64_t size = (pixels_ + kernel() - 1) * shape_.in_channels + columns_;
    parallel_with(tasks.count(), tasks.grain(), [&] {
      return [&, line = Scratch<T>(size, T(0))](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) sum_chunk(tasks[i], line.data());
      };
    });
    add_chunks(chunks_, shape_.groups * shape_.out_channels * columns_, partial_.data());
    for (std::int64_t o = 0; o < shape_.groups * shape_.out_channels; ++o) {
      transpose(kernel(), shape_.in_channels, partial_.data() + o * columns_, shape_.in_channels, dw + o * taps(),
                kernel());
    }
  }

 private:
  std::int64_t kernel() const { return shape_.kernel[1]; }
  std::int64_t taps() const { return shape_.in_channels * kernel(); }

  const T* x_of(std::int64_t n, std::int64_t group) const {
    return x_ + (n * shape_.groups + group) * shape_.in_channels * shape_.in[1];
  }
  const T* dy_of(std::int64_t n, std::int64_t group, std::int64_t channel) const {
    return dy_ + ((n * shape_.groups + group) * shape_.out_channels + channel) * pixels_;
  }

  // The partial result of one chunk for some output channels.
  void sum_chunk(const GradientTasks::Task& task, T* line) const {
    const auto [chunk, group, channel, channels] = task;
    Strip<T> strip;
    strip.rows = channels;
    strip.a_row = row_.data();
    strip.a_depth = pixel_.data();
    strip.b_step = shape_.in_channels;
    strip.c_step = columns_;
    T* const c = partial_.data() + ((chunk * shape_.groups + group) * shape_.out_channels + channel) * columns_;
    const std::int64_t last = shape_.batch * (chunk + 1) / chunks_;
    for (std::int64_t n = shape_.batch * chunk / chunks_; n < last; ++n) {
      transpose(shape_.in_channels, read_, x_of(n, group), shape_.in[1], line + shape_.padding[1] * shape_.in_channels,
                shape_.in_channels);
      Ahead<T> x, dy;
      if (n + 1 < last) {
        x = {x_of(n + 1, group), shape_.in_channels * shape_.in[1]};
        dy = {dy_of(n + 1, group, channel), channels * pixels_};
      }
      multiply(strip, dy_of(n, group, channel), line, c, x, dy);
      strip.add = true;
    }
  }

  // Adds the products of one image to c, and meanwhile fetches x and dy of the next one.
  void multiply(Strip<T> strip, const T* dy, const T* line, T* c, const Ahead<T>& next_x,
                const Ahead<T>& next_dy) const {
    const std::int64_t width = even_width(columns_, kernels_.lanes, kernels_.vectors);
    const std::int64_t strips = blocks_of(pixels_, block_) * blocks_of(columns_, width);
    std::int64_t i = 0;
    for (std::int64_t first = 0; first < pixels_; first += block_) {
      strip.depth = std::min(block_, pixels_ - first);
      strip.a = dy + first;
      for (std::int64_t j = 0; j < columns_; j += width, ++i) {
        strip.vectors = static_cast<int>(std::min(width, columns_ - j) / kernels_.lanes);
        strip.b = line + first * shape_.in_channels + j;
        strip.c = c + j;
        for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = v * kernels_.lanes;
        part_of_both(next_x, next_dy, i, strips).give(strip);
        kernels_.contract(strip);
      }
      strip.add = true;
    }
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const ConvShape shape_;
  const T* const x_;
  const T* const dy_;
  const std::int64_t pixels_;   // of an image of dy
  const std::int64_t read_;     // positions of x that some tap reads
  const std::int64_t block_;    // pixels of one chain
  const std::int64_t columns_;  // taps of all channels, rounded up to whole vectors
  const std::int64_t chunks_;
  const Scratch<T> partial_;
  std::vector<std::int64_t> row_;    // offsets of the channels of dy
  std::vector<std::int32_t> pixel_;  // offsets of the pixels of a block
};

}  // namespace

template <class T>
bool is_row_gradient(const ConvShape& shape) {
  const bool one_row = shape.in[0] == 1 && shape.kernel[0] == 1 && shape.padding[0] == 0;
  const bool one_step = shape.stride[1] == 1 && shape.dilation[1] == 1;
  if (!one_row || !one_step || images_of_chain(shape) > 1) return false;
  // Taps are the columns here, output channels there; the fewer lanes are idle the better.
  const std::int64_t lanes = contraction<T>().lanes, rows = contraction<T>().tile_rows;
  const std::int64_t taps = shape.in_channels * shape.kernel[1], channels = shape.out_channels;
  return round_up(channels, rows) * round_up(taps, lanes) <= round_up(taps, rows) * round_up(channels, lanes);
}

template <class T>
void weight_gradient_of_row(const ConvShape& shape, const T* x, const T* dy, T* dw) {
  RowGradient<T>(shape, x, dy)(dw);
}

template bool is_row_gradient<float>(const ConvShape&);
template bool is_row_gradient<double>(const ConvShape&);
template void weight_gradient_of_row(const ConvShape&, const float*, const float*, float*);
template void weight_gradient_of_row(const ConvShape&, const double*, const double*, double*);

}  // namespace ravel::kernels
