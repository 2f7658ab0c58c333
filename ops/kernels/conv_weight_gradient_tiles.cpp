#include "ravel/ops/kernels/conv_weight_gradient.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/ahead.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/conv_planes.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// One call of weight_gradient_by_tiles. Partial results are matrices (taps, out_channels), so that channels are lanes:
// (chunk, group, tap, channel).
template <class T>
class TileGradient {
 public:
  TileGradient(const ConvShape& shape, const T* x, const T* dy)
      : shape_(shape),
        x_(x),
        dy_(dy),
        planes_(output_axis(shape, 0), output_axis(shape, 1), shape.in_channels, sizeof(T)),
        pixels_(planes_.pixels()),
        block_(pixels_of_chain(shape)),
        images_(std::min(images_of_chain(shape), std::numeric_limits<std::int32_t>::max() / planes_.size())),
        channels_(round_up(shape.out_channels, kernels_.lanes)),
        chunks_(image_chunks_of(shape)),
        partial_(chunks_ * shape.groups * taps() * channels_) {
    for (const std::int32_t offset : planes_.tap_offsets()) tap_.push_back(offset);
    for (std::int64_t n = 0; n < images_; ++n) {
      for (std::int64_t y = 0; y < planes_.rows().grid; ++y) {
        const std::int64_t row = n * planes_.size() + y * planes_.pitch();
        for (std::int64_t i = 0; i < planes_.columns().grid; ++i) pixel_.push_back(static_cast<std::int32_t>(row + i));
      }
    }
  }

  void operator()(T* dw) const {
    const GradientTasks tasks(shape_, shape_.in_channels);
    parallel_with(tasks.count(), tasks.grain(), [&] {
      return [&, planes = Scratch<T>(images_ * planes_.size(), T(0)),
              panel = Scratch<T>(kernels_.vectors * kernels_.lanes * block_pixels())](std::int64_t begin,
                                                                                      std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) sum_chunk(tasks[i], planes.data(), panel.data());
      };
    });
    add_chunks(chunks_, shape_.groups * taps() * channels_, partial_.data());
    for (std::int64_t g = 0; g < shape_.groups; ++g) {
      transpose(taps(), shape_.out_channels, partial(0, g, 0), channels_, dw + g * shape_.out_channels * taps(),
                taps());
    }
  }

 private:
  std::int64_t filter() const { return shape_.kernel[0] * shape_.kernel[1]; }
  std::int64_t taps() const { return shape_.in_channels * filter(); }
  std::int64_t block_pixels() const { return images_ > 1 ? images_ * pixels_ : std::min(pixels_, block_); }
  const T* x_of(std::int64_t image, std::int64_t group, std::int64_t channel) const {
    return x_ + ((image * shape_.groups + group) * shape_.in_channels + channel) * shape_.in[0] * shape_.in[1];
  }
  const T* dy_of(std::int64_t image, std::int64_t group, std::int64_t channel) const {
    return dy_ + ((image * shape_.groups + group) * shape_.out_channels + channel) * pixels_;
  }
  T* partial(std::int64_t chunk, std::int64_t group, std::int64_t tap) const {
    return partial_.data() + ((chunk * shape_.groups + group) * taps() + tap) * channels_;
  }

  // The partial result of one chunk for some input channels, a few images at a time.
  void sum_chunk(const GradientTasks::Task& task, T* planes, T* panel) const {
    const auto [chunk, group, channel, channels] = task;
    const std::int64_t last = shape_.batch * (chunk + 1) / chunks_;
    bool add = false;
    for (std::int64_t n = shape_.batch * chunk / chunks_; n < last; n += images_) {
      const std::int64_t images = std::min(images_, last - n);
      for (std::int64_t i = 0; i < images; ++i) {
        planes_.load(x_of(n + i, group, channel), channels, planes + i * planes_.size());
      }
      Ahead<T> x, dy;
      if (images_ == 1 && n + 1 < last) {
        x = {x_of(n + 1, group, channel), channels * shape_.in[0] * shape_.in[1]};
        dy = {dy_of(n + 1, group, 0), shape_.out_channels * pixels_};
      }
      const std::int64_t blocks = blocks_of(images * pixels_, block_pixels());
      for (std::int64_t i = 0; i < blocks; ++i, add = true) {
        const std::int64_t first = i * block_pixels(), pixels = std::min(block_pixels(), images * pixels_ - first);
        sum_pixels(n, group, first, pixels, partial(chunk, group, channel * filter()), channels * filter(), add, planes,
                   panel, part_of_both(x, dy, i, blocks));
      }
    }
  }

  // Rows are taps, read from the planes; columns are channels of dy, transposed into a panel (pixel, channel).
  void sum_pixels(std::int64_t image, std::int64_t group, std::int64_t first, std::int64_t pixels, T* c,
                  std::int64_t rows, bool add, const T* planes, T* panel, const Ahead<T>& ahead) const {
    Strip<T> strip;
    strip.rows = rows;
    strip.depth = pixels;
    strip.a = planes;
    strip.a_row = tap_.data();
    strip.a_depth = pixel_.data() + first;
    strip.b = panel;
    strip.c_step = channels_;
    strip.add = add;
    const std::int64_t width = even_width(channels_, kernels_.lanes, kernels_.vectors);
    for (std::int64_t o = 0; o < channels_; o += width) {
      strip.vectors = static_cast<int>(std::min(width, channels_ - o) / kernels_.lanes);
      strip.b_step = strip.vectors * kernels_.lanes;
      strip.c = c + o;
      for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = v * kernels_.lanes;
      pack_dy(image, group, o, strip.b_step, first, pixels, panel);
      ahead.part(o / width, blocks_of(channels_, width)).give(strip);
      kernels_.contract(strip);
    }
  }

  void pack_dy(std::int64_t image, std::int64_t group, std::int64_t channel, std::int64_t width, std::int64_t first,
               std::int64_t pixels, T* panel) const {
    const std::int64_t count = std::min(width, shape_.out_channels - channel);
    image += first / pixels_;
    first %= pixels_;
    while (pixels > 0) {
      const std::int64_t part = std::min(pixels, pixels_ - first);
      pack_panel(width, count, part, dy_of(image, group, channel) + first, pixels_, std::int64_t{1}, panel);
      panel += part * width;
      pixels -= part;
      first = 0;
      ++image;
    }
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const ConvShape shape_;
  const T* const x_;
  const T* const dy_;
  const Planes planes_;
  const std::int64_t pixels_;    // of an image of dy
  const std::int64_t block_;     // pixels of one chain; longer ones where more is read and written at their ends
  const std::int64_t images_;    // whose pixels make up one block
  const std::int64_t channels_;  // of the output in one group, rounded up to whole vectors
  const std::int64_t chunks_;
  const Scratch<T> partial_;
  std::vector<std::int64_t> tap_;    // offsets of the taps in the planes
  std::vector<std::int32_t> pixel_;  // offsets of the pixels of a block of images
};

}  // namespace

template <class T>
void weight_gradient_by_tiles(const ConvShape& shape, const T* x, const T* dy, T* dw) {
  TileGradient<T>(shape, x, dy)(dw);
}

template void weight_gradient_by_tiles(const ConvShape&, const float*, const float*, float*);
template void weight_gradient_by_tiles(const ConvShape&, const double*, const double*, double*);

}  // namespace ravel::kernels
