#include <algorithm>
#include <vector>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/panels.hpp"
#include "ravel/ops/kernels/winograd.hpp"
#include "ravel/ops/kernels/winograd_tiles.hpp"

namespace ravel::kernels {
namespace {

constexpr std::int64_t taps = 9;

// The filters of one pass: filter (k, o) of a group, from channel k of the source to channel o of the target, starts at
// data + k * source_step + o * target_step + group * (size of a group).
struct Filters {
  const float* data;
  std::int64_t source_step, target_step;
  bool turned;  // by 180 degrees
};

// target = A^T [sum over k of (G g G^T)(k, o) * (B^T d B)(k)] A + bias, for tiles of m x m.
template <int m>
class TiledOutput {
 public:
  TiledOutput(std::int64_t batch, const Images<const float>& source, const Filters& filters, const float* bias,
              const Images<float>& target)
      : batch_(batch),
        source_(source),
        filters_(filters),
        target_(target),
        bias_(target.groups * padded_channels()),
        has_bias_(bias != nullptr),
        bands_(batch, blocks_of(target.size[0], m), blocks_of(target.size[1], m), winograd_band),
        group_width_(even_width(target.channels, tile_lanes, 3)),
        width_(even_width(group_width_, kernels_.lanes, kernels_.vectors)),
        panels_(blocks_of(group_width_, width_)),
        panel_size_(source.channels * width_),
        point_size_(blocks_of(target.channels, group_width_) * panels_ * panel_size_ + tile_lanes),
        filters_data_(target.groups * points * point_size_) {
    const std::int64_t tiles = bands_.most_tiles();
    for (std::int64_t i = 0; i < tiles; ++i) rows_.push_back(i * tile_size);
    for (std::int64_t g = 0; has_bias_ && g < target.groups; ++g) {
      float* const to = bias_.data() + g * padded_channels();
      std::fill(std::copy_n(bias + g * target.channels, target.channels, to), to + padded_channels(), 0.0F);
    }
  }

  void operator()() const {
    transform_filters();
    const std::int64_t work = bands_.most_tiles() * points * source_.channels * target_.channels;
    parallel(bands_.count() * target_.groups, blocks_of(inline_work, work), [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t tiles = bands_.most_tiles();
      const Scratch<float> pixels(pixels_size(bands_[0], m, 2));
      const Scratch<float> input(round_up(source_.channels, tile_lanes) * tiles * points);
      const Scratch<float> output(group_width_ * tiles * points);
      for (std::int64_t i = begin; i < end; ++i) {
        band(bands_[i % bands_.count()], i / bands_.count(), pixels.data(), input.data(), output.data());
      }
    });
  }

 private:
  static constexpr std::int64_t edge = m + 2, points = edge * edge, tile_size = points * tile_lanes;

  std::int64_t padded_channels() const { return round_up(target_.channels, tile_lanes); }
  const float* panel(std::int64_t group, std::int64_t point, std::int64_t i) const {
    return filters_data_.data() + (group * points + point) * point_size_ + i * panel_size_;
  }

  // U = G g G^T of all filters, as panels (group, point, panel, k, channels of the panel).
  void transform_filters() const {
    const std::int64_t all = blocks_of(target_.channels, group_width_) * panels_;
    parallel(target_.groups * all, blocks_of(inline_work, panel_size_ * points),
             [&](std::int64_t begin, std::int64_t end) {
               const Scratch<float> filter(taps * width_);
               for (std::int64_t item = begin; item < end; ++item) {
                 const std::int64_t group = item / all, i = item % all;
                 const std::int64_t first = i / panels_ * group_width_ + i % panels_ * width_;
                 const std::int64_t count = std::min(width_, target_.channels - first);
                 if (count > 0)
                   transform_panel(group, first, count, filter.data(), const_cast<float*>(panel(group, 0, i)));
               }
             });
  }

  void transform_panel(std::int64_t group, std::int64_t first, std::int64_t count, float* filter, float* to) const {
    const float* const from =
        filters_.data + group * source_.channels * target_.channels * taps + first * filters_.target_step;
    for (std::int64_t k = 0; k < source_.channels; ++k) {
      pack_panel(width_, count, taps, from + k * filters_.source_step, filters_.target_step, std::int64_t{1}, filter);
      at_level([=, this] {
        const std::int64_t step = filters_.turned ? -width_ : width_;
        transform_square<typename Winograd<m>::Filter>(width_, filters_.turned ? filter + (taps - 1) * width_ : filter,
                                                       3 * step, step, to + k * width_, edge * point_size_,
                                                       point_size_);
      });
    }
  }

  void band(const Band& band, std::int64_t group, float* pixels, float* input, float* output) const {
    read_tiles<m, typename Winograd<m>::Input>(source_, group, 0, source_.channels, band, pixels, input);
    std::vector<std::int32_t> depth;
    for (std::int64_t k = 0; k < source_.channels; ++k) {
      depth.push_back(static_cast<std::int32_t>(channel_offset(k, band.tiles(), points)));
    }
    for (std::int64_t first = 0; first < target_.channels; first += group_width_) {
      const std::int64_t count = std::min(group_width_, target_.channels - first);
      for (std::int64_t point = 0; point < points; ++point) {
        multiply(band.tiles(), group, first, count, point, depth.data(), input, output);
      }
      const float* const bias = has_bias_ ? bias_.data() + group * padded_channels() + first : nullptr;
      write_tiles<m>(output, bias, target_, group, first, count, band, pixels);
    }
  }

  // M = U V for one point of the tiles. Rows are tiles, columns channels of the target, the depth those of the source.
  void multiply(std::int64_t tiles, std::int64_t group, std::int64_t first, std::int64_t count, std::int64_t point,
                const std::int32_t* depth, const float* input, float* output) const {
    Strip<float> strip;
    strip.rows = tiles;
    strip.depth = source_.channels;
    strip.a = input + point * tile_lanes;
    strip.a_row = rows_.data();
    strip.a_depth = depth;
    strip.b_step = width_;
    strip.c = output + point * tile_lanes;
    strip.c_step = tile_size;
    for (std::int64_t o = 0; o < count; o += width_) {
      strip.vectors = static_cast<int>(blocks_of(std::min(width_, count - o), kernels_.lanes));
      strip.b = panel(group, point, first / group_width_ * panels_ + o / width_);
      for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = channel_offset(o + v * kernels_.lanes, tiles, points);
      kernels_.contract(strip);
    }
  }

  const Contraction<float>& kernels_ = contraction<float>();
  const std::int64_t batch_;
  const Images<const float> source_;
  const Filters filters_;
  const Images<float> target_;
  const Scratch<float> bias_;  // (group, channel), padded to whole blocks
  const bool has_bias_;
  const Bands bands_;
  const std::int64_t group_width_;  // channels of the target that are multiplied before they are transformed back
  const std::int64_t width_;        // channels of a panel
  const std::int64_t panels_;       // of such a group
  const std::int64_t panel_size_, point_size_;
  const Scratch<float> filters_data_;
  std::vector<std::int64_t> rows_;  // offsets of tiles
};

void run(int m, std::int64_t batch, const Images<const float>& source, const Filters& filters, const float* bias,
         const Images<float>& target) {
  if (m == 2) {
    TiledOutput<2>(batch, source, filters, bias, target)();
  } else {
    TiledOutput<4>(batch, source, filters, bias, target)();
  }
}

}  // namespace

void winograd_output(int m, const ConvShape& shape, const float* x, const float* w, const float* bias, float* y) {
  const Filters filters{w, taps, shape.in_channels * taps, false};
  run(m, shape.batch, {x, shape.groups, shape.in_channels, shape.in, shape.padding}, filters, bias,
      {y, shape.groups, shape.out_channels, shape.out});
}

void winograd_input_gradient(int m, const ConvShape& shape, const float* dy, const float* w, float* dx) {
  const Filters filters{w, shape.in_channels * taps, taps, true};
  run(m, shape.batch, {dy, shape.groups, shape.out_channels, shape.out, {2 - shape.padding[0], 2 - shape.padding[1]}},
      filters, nullptr, {dx, shape.groups, shape.in_channels, shape.in});
}

}  // namespace ravel::kernels
