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

GradientTasks::GradientTasks(const ConvShape& shape, std::int64_t shared_channels)
    : groups(shape.groups), channels(shared_channels) {
  const std::int64_t chunks = image_chunks_of(shape), wanted = parts_wanted(chunks * groups, 4);
  per_share = blocks_of(channels, std::min(wanted, channels));
  shares = blocks_of(channels, per_share);
  count = chunks * groups * shares;
  const std::int64_t weights = shape.weights() / groups, pixels = shape.out[0] * shape.out[1];
  grain = blocks_of(inline_work, weights * pixels * shape.batch / (chunks * shares));
}

GradientTasks::Task GradientTasks::operator[](std::int64_t i) const {
  const std::int64_t first = i % shares * per_share;
  return {i / shares / groups, i / shares % groups, first, std::min(per_share, channels - first)};
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
