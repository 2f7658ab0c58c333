#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/conv_weight_gradient.hpp"
#include "ravel/ops/kernels/panels.hpp"
#include "ravel/ops/kernels/winograd.hpp"
#include "ravel/ops/kernels/winograd_tiles.hpp"

namespace ravel::kernels {
namespace {

// dw = G^T [sum over tiles of (A dY A^T)(o) * (B^T d B)(c)] G, in chunks of images that are added in order. Partial
// results are (chunk, group, c, tap, o), o being the lanes.
template <int m>
class TiledWeightGradient {
 public:
  TiledWeightGradient(const ConvShape& shape, const float* x, const float* dy)
      : shape_(shape),
        x_{x, shape.groups, shape.in_channels, shape.in, shape.padding},
        dy_{dy, shape.groups, shape.out_channels, shape.out},
        tile_rows_(blocks_of(shape.out[0], m)),
        tile_columns_(blocks_of(shape.out[1], m)),
        chunks_(chunks_of(shape)),
        channels_(round_up(shape.out_channels, tile_lanes)),
        partial_(chunks_ * shape.groups * shape.in_channels * filter_taps * channels_) {
    for (std::int64_t i = 0; i < winograd_band; ++i) tile_.push_back(static_cast<std::int32_t>(i * tile_size));
  }

  void operator()(float* dw) const {
    // Where there are fewer chunks than threads want, input channels are shared out too; at most so many at a time that
    // their sums stay in the caches.
    const std::int64_t tasks = chunks_ * shape_.groups, wanted = parts_wanted(tasks, 2);
    const std::int64_t blocks = blocks_of(shape_.in_channels, tile_lanes);
    const std::int64_t per_share = std::min(blocks_of(blocks, std::min(wanted, blocks)), most_blocks) * tile_lanes;
    const std::int64_t shares = blocks_of(shape_.in_channels, per_share);
    const std::int64_t images = blocks_of(shape_.batch, chunks_);
    const std::int64_t work = images * tile_rows_ * tile_columns_ * points * per_share * channels_;
    parallel_with(tasks * shares, blocks_of(inline_work, work), [&] {
      return [&, space = Space(*this, per_share)](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t first = item % shares * per_share;
          sum_chunk(item / shares / shape_.groups, item / shares % shape_.groups, first,
                    std::min(per_share, shape_.in_channels - first), space);
        }
      };
    });
    const std::int64_t rows = shape_.in_channels * filter_taps;
    add_chunks(chunks_, shape_.groups * rows * channels_, partial_.data());
    for (std::int64_t g = 0; g < shape_.groups; ++g) {
      transpose(rows, shape_.out_channels, partial(0, g, 0), channels_, dw + g * shape_.out_channels * rows, rows);
    }
  }

 private:
  static constexpr std::int64_t edge = m + 2, points = edge * edge, tile_size = points * tile_lanes, most_blocks = 4;

  static std::int64_t chunks_of(const ConvShape& shape) {
    const std::int64_t tiles = shape.batch * blocks_of(shape.out[0], m) * blocks_of(shape.out[1], m);
    return std::clamp<std::int64_t>(tiles / winograd_chunk, 1, image_chunks_of(shape));
  }

  Bands bands(std::int64_t images) const { return {images, tile_rows_, tile_columns_, winograd_band}; }

  // Scratch space of one thread.
  struct Space {
    Space(const TiledWeightGradient& owner, std::int64_t channels)
        : images(blocks_of(owner.shape_.batch, owner.chunks_)),
          tiles(std::min(winograd_band, images * owner.tile_rows_ * owner.tile_columns_)),
          pixels(pixels_size(owner.bands(images)[0], m, 2)),
          input(channels * tiles * points),
          gradient(owner.channels_ * tiles * points),
          sums(points * owner.sums_step(channels)) {}
    std::int64_t images, tiles;  // of the largest chunk, and of the largest band that any chunk may have
    Scratch<float> pixels, input, gradient;
    Scratch<float> sums;  // (point, c, o)
  };

  std::int64_t sums_step(std::int64_t channels) const { return channels * channels_ + tile_lanes; }
  float* partial(std::int64_t chunk, std::int64_t group, std::int64_t channel) const {
    return partial_.data() + ((chunk * shape_.groups + group) * shape_.in_channels + channel) * filter_taps * channels_;
  }

  // The partial result of one chunk for `count` input channels from `channel` on.
  void sum_chunk(std::int64_t chunk, std::int64_t group, std::int64_t channel, std::int64_t count,
                 const Space& space) const {
    const std::int64_t first = shape_.batch * chunk / chunks_, last = shape_.batch * (chunk + 1) / chunks_;
    const Bands bands = this->bands(last - first);
    for (std::int64_t i = 0; i < bands.count(); ++i) {
      Band band = bands[i];
      band.image += first;
      read_tiles<m, typename Winograd<m>::Input>(x_, group, channel, count, band, space.pixels.data(),
                                                 space.input.data());
      read_tiles<m, typename Winograd<m>::OutputGradient>(dy_, group, 0, shape_.out_channels, band, space.pixels.data(),
                                                          space.gradient.data());
      multiply(band.tiles(), count, i > 0, space);
    }
    const float* const sums = space.sums.data();
    float* const to = partial(chunk, group, channel);
    const std::int64_t step = sums_step(count), width = channels_;
    at_level([=] {
      for (std::int64_t c = 0; c < count; ++c) {
        for (std::int64_t o = 0; o < width; o += tile_lanes) {
          transform_square<typename Winograd<m>::FilterGradient>(AllLanes(), sums + c * width + o, edge * step, step,
                                                                 to + c * filter_taps * width + o, 3 * width, width);
        }
      }
    });
  }

  // sums(point, c, o) = or += the sum over tiles of input(c, tile, point) gradient(o, tile, point). Rows are input
  // channels, columns output channels, the depth tiles.
  void multiply(std::int64_t tiles, std::int64_t count, bool add, const Space& space) const {
    Strip<float> strip;
    strip.depth = tiles;
    strip.a_panel = kernels_.tile_rows;
    strip.a_step = tile_size;
    strip.b_depth = tile_.data();
    strip.c_step = channels_;
    strip.add = add;
    const std::int64_t width = even_width(channels_, kernels_.lanes, kernels_.vectors);
    for (std::int64_t point = 0; point < points; ++point) {
      for (std::int64_t c = 0; c < count; c += tile_lanes) {
        strip.rows = std::min(tile_lanes, count - c);
        strip.a = space.input.data() + channel_offset(c, tiles, points) + point * tile_lanes;
        for (std::int64_t o = 0; o < channels_; o += width) {
          strip.vectors = static_cast<int>(std::min(width, channels_ - o) / kernels_.lanes);
          strip.b = space.gradient.data() + point * tile_lanes;
          strip.c = space.sums.data() + point * sums_step(count) + c * channels_ + o;
          for (int v = 0; v < strip.vectors; ++v) {
            strip.b_vector[v] = channel_offset(o + v * kernels_.lanes, tiles, points);
            strip.c_vector[v] = v * kernels_.lanes;
          }
          kernels_.contract(strip);
        }
      }
    }
  }

  const Contraction<float>& kernels_ = contraction<float>();
  const ConvShape shape_;
  const Images<const float> x_, dy_;
  const std::int64_t tile_rows_, tile_columns_;  // tiles of an image
  const std::int64_t chunks_;
  const std::int64_t channels_;  // of the output in one group, rounded up to whole blocks
  const Scratch<float> partial_;
  std::vector<std::int32_t> tile_;  // offsets of the tiles of a band
};

}  // namespace

void winograd_weight_gradient(int m, const ConvShape& shape, const float* x, const float* dy, float* dw) {
  if (m == 2) {
    TiledWeightGradient<2>(shape, x, dy)(dw);
  } else {
    TiledWeightGradient<4>(shape, x, dy)(dw);
  }
}

}  // namespace ravel::kernels
