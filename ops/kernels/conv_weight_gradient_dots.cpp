#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/conv_planes.hpp"
#include "ravel/ops/kernels/conv_weight_gradient.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {
namespace {

// Planes of dy in which rows are as far apart as in the planes of x, with zeros between them: then the sum over all
// pixels of an image is one dot product for each tap.
template <class T>
Planes gradient_planes(const ConvShape& shape, const Planes& planes) {
  const auto axis = [](std::int64_t size, std::int64_t extent) {
    Axis result;
    result.source = result.grid = size;
    result.extent = extent;
    result.phases = {0};
    return result;
  };
  return Planes(axis(shape.out[0], shape.out[0]), axis(shape.out[1], planes.pitch()), shape.out_channels, sizeof(T));
}

// One call of weight_gradient_by_dots. Partial results are (chunk, group, out_channels, taps).
template <class T>
class DotGradient {
 public:
  DotGradient(const ConvShape& shape, const T* x, const T* dy)
      : shape_(shape),
        x_(x),
        dy_(dy),
        planes_(output_axis(shape, 0), output_axis(shape, 1), shape.in_channels, sizeof(T)),
        gradients_(gradient_planes<T>(shape, planes_)),
        taps_(planes_.tap_offsets()),
        size_(shape.out_channels * std::ssize(taps_)),
        chunks_(image_chunks_of(shape)),
        partial_(chunks_ * shape.groups * size_) {}

  void operator()(T* dw) const {
    const std::int64_t work = size_ * planes_.pixels() * blocks_of(shape_.batch, chunks_);
    parallel_with(chunks_ * shape_.groups, blocks_of(inline_work, work), [&] {
      return [this, x = Scratch<T>(planes_.size(), T(0)), dy = Scratch<T>(gradients_.size(), T(0)),
              image = Scratch<T>(size_)](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          sum_chunk(item / shape_.groups, item % shape_.groups, x.data(), dy.data(), image.data());
        }
      };
    });
    add_chunks(chunks_, shape_.groups * size_, partial_.data());
    std::copy_n(partial_.data(), shape_.groups * size_, dw);
  }

 private:
  // Adds the images of one chunk, one after the other; x, dy and image are scratch space.
  void sum_chunk(std::int64_t chunk, std::int64_t group, T* x, T* dy, T* image) const {
    const std::int64_t x_size = shape_.in_channels * shape_.in[0] * shape_.in[1];
    const std::int64_t y_size = shape_.out_channels * planes_.pixels();
    const std::int64_t first = shape_.batch * chunk / chunks_, last = shape_.batch * (chunk + 1) / chunks_;
    T* const total = partial_.data() + (chunk * shape_.groups + group) * size_;
    for (std::int64_t n = first; n < last; ++n) {
      planes_.load(x_ + (n * shape_.groups + group) * x_size, shape_.in_channels, x);
      gradients_.load(dy_ + (n * shape_.groups + group) * y_size, shape_.out_channels, dy);
      multiply(x, dy, n == first ? total : image);
      if (n == first) continue;
      at_level([=, size = size_] {
        RAVEL_INDEPENDENT
        for (std::int64_t i = 0; i < size; ++i) total[i] += image[i];
      });
    }
  }

  void multiply(const T* x, const T* dy, T* result) const {
    Dots<T> dots;
    dots.rows = shape_.out_channels;
    dots.columns = std::ssize(taps_);
    dots.depth = (shape_.out[0] - 1) * planes_.pitch() + shape_.out[1];
    dots.a = dy;
    dots.a_row = gradients_.channel_size();
    dots.b = x;
    dots.b_rows = taps_.data();
    dots.c = result;
    dots.c_row = std::ssize(taps_);
    dots.c_column = 1;
    contraction<T>().dots(dots);
  }

  const ConvShape shape_;
  const T* const x_;
  const T* const dy_;
  const Planes planes_, gradients_;
  const std::vector<std::int32_t> taps_;
  const std::int64_t size_, chunks_;
  const Scratch<T> partial_;
};

}  // namespace

template <class T>
void weight_gradient_by_dots(const ConvShape& shape, const T* x, const T* dy, T* dw) {
  DotGradient<T>(shape, x, dy)(dw);
}

template void weight_gradient_by_dots(const ConvShape&, const float*, const float*, float*);
template void weight_gradient_by_dots(const ConvShape&, const double*, const double*, double*);

}  // namespace ravel::kernels
