#include "ravel/ops/kernels/conv_weight_gradient.hpp"

#include <algorithm>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

std::int64_t image_chunks_of(const ConvShape& shape) {
  return std::clamp<std::int64_t>(partial_gradients / std::max<std::int64_t>(1, shape.weights()), 1,
                                  std::min(shape.batch, image_chunks));
}

std::int64_t pixels_of_chain(const ConvShape& shape) {
  const std::int64_t taps = shape.in_channels * shape.kernel[0] * shape.kernel[1];
  return pixel_block * (shape.out_channels * taps > small_gradient ? 2 : 1);
}

std::int64_t images_of_chain(const ConvShape& shape) {
  return std::max<std::int64_t>(1, pixels_of_chain(shape) / (shape.out[0] * shape.out[1]));
}

GradientTasks::GradientTasks(const ConvShape& shape, std::int64_t channels)
    : chunks_(image_chunks_of(shape)), groups_(shape.groups), channels_(channels) {
  per_share_ = blocks_of(channels, std::min(parts_wanted(chunks_ * groups_, 4), channels));
  shares_ = blocks_of(channels, per_share_);
  const std::int64_t weights = shape.weights() / groups_, pixels = shape.out[0] * shape.out[1];
  grain_ = blocks_of(inline_work, weights * pixels * shape.batch / (chunks_ * shares_));
}

std::int64_t GradientTasks::count() const { return chunks_ * groups_ * shares_; }

GradientTasks::Task GradientTasks::operator[](std::int64_t i) const {
  const std::int64_t first = i % shares_ * per_share_;
  return {i / shares_ / groups_, i / shares_ % groups_, first, std::min(per_share_, channels_ - first)};
}

template <class T>
void add_chunks(std::int64_t chunks, std::int64_t size, T* partial) {
  if (chunks == 1) return;
  parallel(size, blocks_of(inline_work, chunks), [=](std::int64_t begin, std::int64_t end) {
    at_level([=] {
      for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
        const T* const part = partial + chunk * size;
        RAVEL_INDEPENDENT
        for (std::int64_t i = begin; i < end; ++i) partial[i] += part[i];
      }
    });
  });
}

template void add_chunks(std::int64_t, std::int64_t, float*);
template void add_chunks(std::int64_t, std::int64_t, double*);

}  // namespace ravel::kernels
