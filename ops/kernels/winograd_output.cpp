// The output of a Winograd convolution, and its input gradient, which is the output of another one.
//
// Tiles are handled in bands, few enough for the second-level cache when channels are not many. For a band:
//   read_tiles    V = B^T d B of all channels of the source
//   multiply      M = U V: for each of the (m + 2)^2 points of a tile one matrix product, tiles x source channels times
//                 source channels x target channels
//   write_tiles   A^T M A, and what the epilogue says
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

// The filters of one pass: filter (k, o) of a group, from channel k of the source to channel o of the target, starts at
// data + k * source_step + o * target_step + group * (size of a group).
struct Filters {
  const float* data;
  std::int64_t source_step, target_step;
  bool turned;  // by 180 degrees
};

// Blocks of channels of the target that are multiplied before they are transformed back. A panel of filters is at most
// that wide, and its channels are transformed together.
constexpr std::int64_t section_blocks = 3;
static_assert(section_blocks * tile_lanes <= square_lanes);

// U = G g G^T of all filters of a pass, as panels of the contraction kernel: (group, point, panel, k, channel of the
// panel). Panels are `width` channels of the target, in sections of `section` channels.
template <int m>
class FilterPanels {
 public:
  FilterPanels(const Filters& filters, std::int64_t groups, std::int64_t source_channels, std::int64_t target_channels,
               std::int64_t section, std::int64_t width)
      : depth_(source_channels),
        channels_(target_channels),
        section_(section),
        width_(width),
        panels_(blocks_of(section, width)),
        all_panels_(blocks_of(target_channels, section) * panels_),
        point_(all_panels_ * depth_ * width + tile_lanes),  // an odd number of cache lines for the usual channels
        data_(groups * points * point_) {
    const std::int64_t work = points * width_ * 8;
    parallel_with(groups * all_panels_ * depth_, blocks_of(inline_work, work), [&] {
      return [&, filter = Scratch<float>(filter_taps * width_)](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          transform(filters, item / depth_ / all_panels_, item / depth_ % all_panels_, item % depth_, filter.data());
        }
      };
    });
  }

  // The panel of `width` channels from `channel` on.
  const float* panel(std::int64_t group, std::int64_t point, std::int64_t channel) const {
    return at(group, point, channel / section_ * panels_ + channel % section_ / width_);
  }

 private:
  static constexpr std::int64_t edge = m + 2, points = edge * edge;

  float* at(std::int64_t group, std::int64_t point, std::int64_t panel) const {
    return data_.data() + (group * points + point) * point_ + panel * depth_ * width_;
  }

  // The filters from channel k of the source to all channels of a panel, which are the lanes; `filter` is scratch
  // space.
  void transform(const Filters& filters, std::int64_t group, std::int64_t panel, std::int64_t k, float* filter) const {
    const std::int64_t first = panel / panels_ * section_ + panel % panels_ * width_;
    const std::int64_t count = std::min(width_, channels_ - first);
    if (count <= 0) return;
    const float* const from = filters.data + group * depth_ * channels_ * filter_taps + k * filters.source_step;
    pack_panel(width_, count, filter_taps, from + first * filters.target_step, filters.target_step, std::int64_t{1},
               filter);
    const float* const corner = filters.turned ? filter + (filter_taps - 1) * width_ : filter;
    const std::int64_t step = filters.turned ? -width_ : width_, width = width_, point = point_;
    float* const to = at(group, 0, panel) + k * width_;
    at_level([=] {
      transform_square<typename Winograd<m>::Filter>(width, corner, 3 * step, step, to, edge * point, point);
    });
  }

  const std::int64_t depth_, channels_, section_, width_;
  const std::int64_t panels_;  // of a section
  const std::int64_t all_panels_, point_;
  const Scratch<float> data_;
};

// target = A^T [sum over k of (G g G^T)(k, o) * (B^T d B)(k)] A, and what the epilogue says, for tiles of m x m.
template <int m>
class TiledOutput {
 public:
  TiledOutput(std::int64_t batch, const Images<const float>& source, const Filters& filters,
              const ConvEpilogue<float>& epilogue, const Images<float>& target)
      : source_(source),
        target_(target),
        bands_(cut(batch, target)),
        section_(even_width(target.channels, tile_lanes, section_blocks)),
        width_(even_width(section_, kernels_.lanes, kernels_.vectors)),
        filters_(filters, target.groups, source.channels, target.channels, section_, width_),
        has_bias_(epilogue.bias != nullptr),
        relu_(epilogue.relu),
        bias_(has_bias_ ? target.groups * padded_channels() : 0) {
    for (std::int64_t i = 0; i < bands_.most_tiles(); ++i) tile_.push_back(i * tile_size);
    for (std::int64_t g = 0; has_bias_ && g < target.groups; ++g) {
      float* const to = bias_.data() + g * padded_channels();
      std::fill(std::copy_n(epilogue.bias + g * target.channels, target.channels, to), to + padded_channels(), 0.0F);
    }
  }

  void operator()() const {
    const std::int64_t most = bands_.most_tiles(), work = most * points * source_.channels * target_.channels;
    parallel_with(bands_.count() * target_.groups, blocks_of(inline_work, work), [&] {
      return [this, space = Space(*this)](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) do_band(bands_[i % bands_.count()], i / bands_.count(), space);
      };
    });
  }

 private:
  static constexpr std::int64_t edge = m + 2, points = edge * edge, tile_size = points * tile_lanes;

  // Smaller bands where threads would have nothing to do; a tile is calculated in the same way in any band.
  static Bands cut(std::int64_t batch, const Images<float>& target) {
    const std::int64_t rows = blocks_of(target.size[0], m), columns = blocks_of(target.size[1], m);
    const std::int64_t share = blocks_of(batch * target.groups * rows * columns, 2 * threads());
    return {batch, rows, columns, threads() == 1 ? winograd_band : std::clamp<std::int64_t>(share, 1, winograd_band)};
  }

  std::int64_t padded_channels() const { return round_up(target_.channels, tile_lanes); }

  // Scratch space of one thread: `input` (block of channels, tile, point, lane) holds all channels of the source,
  // `depth` their offsets in it, and `output` the channels of a section of the target.
  struct Space {
    explicit Space(const TiledOutput& owner)
        : pixels(pixels_size(owner.bands_[0], m, 2)),
          input(round_up(owner.source_.channels, tile_lanes) * owner.bands_.most_tiles() * points),
          output(owner.section_ * owner.bands_.most_tiles() * points),
          depth(owner.source_.channels) {}
    Scratch<float> pixels, input, output;
    Scratch<std::int32_t> depth;
  };

  void do_band(const Band& band, std::int64_t group, const Space& space) const {
    read_tiles<m, typename Winograd<m>::Input>(source_, group, 0, source_.channels, band, space.pixels.data(),
                                               space.input.data());
    for (std::int64_t k = 0; k < source_.channels; ++k) {
      space.depth[k] = static_cast<std::int32_t>(channel_offset(k, band.tiles(), points));
    }
    for (std::int64_t first = 0; first < target_.channels; first += section_) {
      const std::int64_t count = std::min(section_, target_.channels - first);
      multiply(band.tiles(), group, first, count, space);
      const float* const bias = has_bias_ ? bias_.data() + group * padded_channels() + first : nullptr;
      write_tiles<m>(space.output.data(), bias, relu_, target_, group, first, count, band, space.pixels.data());
    }
  }

  // One product for each point. Rows are tiles, columns `count` channels of the target from `first` on, the depth the
  // channels of the source.
  void multiply(std::int64_t tiles, std::int64_t group, std::int64_t first, std::int64_t count,
                const Space& space) const {
    Strip<float> strip;
    strip.rows = tiles;
    strip.depth = source_.channels;
    strip.a_row = tile_.data();
    strip.a_depth = space.depth.data();
    strip.b_step = width_;
    strip.c_step = tile_size;
    for (std::int64_t point = 0; point < points; ++point) {
      strip.a = space.input.data() + point * tile_lanes;
      strip.c = space.output.data() + point * tile_lanes;
      for (std::int64_t o = 0; o < count; o += width_) {
        strip.vectors = static_cast<int>(blocks_of(std::min(width_, count - o), kernels_.lanes));
        strip.b = filters_.panel(group, point, first + o);
        for (int v = 0; v < strip.vectors; ++v) {
          strip.c_vector[v] = channel_offset(o + v * kernels_.lanes, tiles, points);
        }
        kernels_.contract(strip);
      }
    }
  }

  const Contraction<float>& kernels_ = contraction<float>();
  const Images<const float> source_;
  const Images<float> target_;
  const Bands bands_;
  const std::int64_t section_;  // channels of a section
  const std::int64_t width_;    // of a panel
  const FilterPanels<m> filters_;
  const bool has_bias_, relu_;
  const Scratch<float> bias_;       // (group, channel), padded to whole blocks of channels
  std::vector<std::int64_t> tile_;  // offsets of the tiles of a band
};

void run(int m, std::int64_t batch, const Images<const float>& source, const Filters& filters,
         const ConvEpilogue<float>& epilogue, const Images<float>& target) {
  if (m == 2) {
    TiledOutput<2>(batch, source, filters, epilogue, target)();
  } else {
    TiledOutput<4>(batch, source, filters, epilogue, target)();
  }
}

}  // namespace

void winograd_output(int m, const ConvShape& shape, const float* x, const float* w, const ConvEpilogue<float>& epilogue,
                     float* y) {
  const Filters filters{w, filter_taps, shape.in_channels * filter_taps, false};
  run(m, shape.batch, {x, shape.groups, shape.in_channels, shape.in, shape.padding}, filters, epilogue,
      {y, shape.groups, shape.out_channels, shape.out});
}

void winograd_input_gradient(int m, const ConvShape& shape, const float* dy, const float* w, float* dx) {
  const Filters filters{w, shape.in_channels * filter_taps, filter_taps, true};
  run(m, shape.batch, {dy, shape.groups, shape.out_channels, shape.out, {2 - shape.padding[0], 2 - shape.padding[1]}},
      filters, {}, {dx, shape.groups, shape.in_channels, shape.in});
}

}  // namespace ravel::kernels
