#include "ravel/ops/kernels/winograd.hpp"

#include <algorithm>

#include "ravel/autograd/modes.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/winograd_tiles.hpp"

namespace ravel::kernels {
namespace {

// The tile for which a pass that covers `size` points (those of y, or of dx) is expected to take the least time.
// The unit is a multiply-add of the direct sum. Per tile and point of it there is one for each pair of channels, and
// each channel is transformed (once; that a weight gradient of more than 64 channels repeats some is left out); filters
// are transformed once in a call. What a transform costs was fitted to the times of `./run bench kernels --rows conv`.
// Threads and vectors must not enter: the choice is part of the result.
int choose_tile(const ConvShape& shape, const std::array<std::int64_t, 2>& size) {
  constexpr std::int64_t most_channels = 8192;  // a band has all of them in scratch space, 4.6 KB for each
  constexpr std::array<std::int64_t, 2> three{3, 3}, one{1, 1};
  if (modes.precision == Precision::highest) return 0;
  if (shape.kernel != three || shape.stride != one || shape.dilation != one) return 0;
  if (std::max(shape.in_channels, shape.out_channels) > most_channels) return 0;
  const std::int64_t pairs = shape.in_channels * shape.out_channels;
  const std::int64_t channels = round_up(shape.in_channels, tile_lanes) + round_up(shape.out_channels, tile_lanes);
  std::int64_t least = filter_taps * shape.batch * size[0] * size[1] * pairs;
  int best = 0;
  for (const int m : {2, 4}) {
    const std::int64_t tiles = shape.batch * blocks_of(size[0], m) * blocks_of(size[1], m), points = (m + 2) * (m + 2);
    const std::int64_t cost = points * (tiles * (pairs + winograd_tile_cost * channels) + winograd_filter_cost * pairs);
    if (cost < least) {
      least = cost;
      best = m;
    }
  }
  return best;
}

}  // namespace

int winograd_output_tile(const ConvShape& shape) { return choose_tile(shape, shape.out); }
int winograd_input_gradient_tile(const ConvShape& shape) { return choose_tile(shape, shape.in); }
int winograd_weight_gradient_tile(const ConvShape& shape) { return choose_tile(shape, shape.out); }

}  // namespace ravel::kernels
