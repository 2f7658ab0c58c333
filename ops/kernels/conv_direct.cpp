#include "ravel/ops/kernels/conv_direct.hpp"

#include <algorithm>
#include <deque>
#include <utility>
#include <variant>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/ahead.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// What the lanes of vectors are.
//   rows:      neighbouring pixels of one row of the grid; results are stored where they belong
//   flat:      neighbouring elements of a plane, whatever row; those between two rows of the grid are dropped
//   channels:  channels of the target; pixels are broadcast, and tiles are transposed on their way out
enum class Lanes { rows, flat, channels };

// What moving one result costs, in multiply-adds: out of a flat plane, and out of a transposed tile; and how much
// slower a tile is that broadcasts pixels. Estimates from measured times.
constexpr double flat_move = 6, channel_move = 20, pixel_broadcast = 1.04;

// The choice for which the fewest lanes are idle, with allowance for moving results. Every choice gives the same bits.
template <class T>
Lanes choose_lanes(const TapSum<T>& sum, const Planes& planes, std::int64_t depth) {
  const std::int64_t lanes = contraction<T>().lanes, width = planes.columns().grid, height = planes.rows().grid;
  const double pixels = static_cast<double>(planes.pixels()),
               taps = static_cast<double>(std::max<std::int64_t>(1, depth));
  const double channels = static_cast<double>(sum.channels);
  const double by_rows = static_cast<double>(round_up(width, lanes) * height) / pixels;
  const double by_flat = static_cast<double>((height - 1) * planes.pitch() + width) / pixels * (1 + flat_move / taps);
  const double by_channels =
      static_cast<double>(round_up(sum.channels, lanes)) / channels * pixel_broadcast * (1 + channel_move / taps);
  const bool enough_rows = sum.batch * sum.groups * height >= threads();  // whole rows are handed to threads
  const bool rows_fit = width >= lanes && planes.columns().target_step == 1 && enough_rows;
  if (rows_fit && by_rows <= std::min(by_flat, by_channels)) return Lanes::rows;
  return by_flat <= by_channels ? Lanes::flat : Lanes::channels;
}

// The weights of all groups as panels of `width` channels: (group, panel, tap, channel of the panel).
template <class T>
class PackedWeights {
 public:
  PackedWeights(const TapSum<T>& sum, const std::vector<std::int64_t>& tap, std::int64_t depth, std::int64_t width)
      : group_(round_up(sum.channels, width) * depth), data_(sum.groups * group_) {
    const std::int64_t panels = blocks_of(sum.channels, width);
    parallel(sum.groups * panels, blocks_of(inline_work, width * depth + 1), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t group = item / panels, first = item % panels * width;
        const T* const from = sum.weights + group * sum.weight_group + first * sum.weight_row;
        pack(tap, sum.weight_row, depth, width, std::min(width, sum.channels - first), from,
             data_.data() + item * width * depth);
      }
    });
  }
  const T* group(std::int64_t i) const { return data_.data() + i * group_; }

 private:
  static void pack(const std::vector<std::int64_t>& tap, std::int64_t row, std::int64_t depth, std::int64_t width,
                   std::int64_t count, const T* from, T* panel) {
    if (tap.empty()) {
      pack_panel(width, count, depth, from, row, std::int64_t{1}, panel);
      return;
    }
    for (std::int64_t k = 0; k < depth; ++k, panel += width) {
      const T* const weights = from + tap[static_cast<std::size_t>(k)];
      for (std::int64_t m = 0; m < width; ++m) panel[m] = m < count ? weights[m * row] : T(0);
    }
  }

  std::int64_t group_;
  Scratch<T> data_;
};

// Where results of a band go: the target of one image, and the distances between its channels, rows and columns.
template <class T>
struct Place {
  Place(const TapSum<T>& sum, const Planes& planes, std::int64_t image)
      : channel(sum.target_rows * sum.target_columns),
        row(planes.rows().target_step * sum.target_columns),
        column(planes.columns().target_step),
        data(sum.target + image * sum.channels * channel + planes.rows().target_first * sum.target_columns +
             planes.columns().target_first) {}
  std::int64_t channel, row, column;
  T* data;
};

// Moves `count` elements of each row of a tile to rows that are `place.channel` apart. Lines of channels often share
// few sets of the nearest cache, and a store that misses it holds up all later ones, so they are fetched a few rows
// ahead.
template <class T>
void move_run(const Place<T>& place, std::int64_t rows, std::int64_t count, const T* tile, std::int64_t tile_row,
              T* to) {
  constexpr std::int64_t rows_ahead = 8, line = 64 / sizeof(T);
  with_stride(place.column, [=, channel = place.channel](auto column) {
    const T* from = tile;
    T* target = to;
    for (std::int64_t m = 0; m < rows; ++m, from += tile_row, target += channel) {
      const T* const later = target + rows_ahead * channel;
      for (std::int64_t i = 0; i < count * column; i += line) __builtin_prefetch(later + i, 1);
      for (std::int64_t i = 0; i < count; ++i) target[i * column] = from[i];
    }
  });
}

// Calls body(i, n, y, x) for each run of n <= count - i neighbouring grid points that starts at element `first + i` of
// a grid with rows of `pitch` elements; elements that are no grid points are left out.
template <class Body>
void for_each_run(const Planes& planes, std::int64_t pitch, std::int64_t first, std::int64_t count, const Body& body) {
  std::int64_t y = first / pitch, x = first % pitch;
  for (std::int64_t i = 0; i < count && y < planes.rows().grid; ++y) {
    const std::int64_t n = std::min(count - i, planes.columns().grid - x);
    if (n > 0) body(i, n, y, x);
    i += pitch - x;
    x = 0;
  }
}

// Pixels are the lanes. A strip is a few vectors of pixels of one image with all channels of the target.
template <class T>
class PixelLanes {
 public:
  PixelLanes(const TapSum<T>& sum, const PixelGrid& grid, std::vector<std::int32_t> taps, bool flat)
      : sum_(sum),
        planes_(grid.planes),
        taps_(std::move(taps)),
        flat_(flat),
        depth_(std::ssize(taps_)),
        vectors_(sum.channels == 1 ? kernels_.single_row_vectors : kernels_.vectors),
        channel_block_(
            std::max<std::int64_t>(1, weight_block / std::max<std::int64_t>(1, depth_) / kernels_.tile_rows) *
            kernels_.tile_rows),
        weights_(sum, grid.weight_tap, depth_, kernels_.tile_rows) {}

  // Whole rows of the grid, or whole strips of the flat plane.
  std::int64_t units() const { return flat_ ? blocks_of(flat_size(), strip_width()) : planes_.rows().grid; }
  std::int64_t work() const { return depth_ * planes_.pixels(); }

  std::int64_t tile_size() const { return flat_ ? std::min(channel_block_, sum_.channels) * strip_width() : 0; }

  // Units [first, last) of one image. `ahead` is what is read next; `tile` is scratch space.
  void operator()(std::int64_t image, const T* planes, std::int64_t first, std::int64_t last, const Ahead<T>& ahead,
                  T* tile) const {
    for (std::int64_t m = 0; m < sum_.channels; m += channel_block_) {
      const Ahead<T> next = m == 0 ? ahead : Ahead<T>();
      if (flat_) {
        flat_band(image, m, planes, first, std::min(last * strip_width(), flat_size()), tile, next);
      } else {
        row_band(image, m, planes, first, last, next);
      }
    }
  }

 private:
  std::int64_t strip_width() const { return vectors_ * kernels_.lanes; }
  std::int64_t flat_size() const { return (planes_.rows().grid - 1) * planes_.pitch() + planes_.columns().grid; }

  Strip<T> strip(std::int64_t image, std::int64_t channel, const T* planes) const {
    const std::int64_t group = image % sum_.groups;
    Strip<T> strip;
    strip.rows = std::min(channel_block_, sum_.channels - channel);
    strip.depth = depth_;
    strip.a = weights_.group(group) + channel * depth_;
    strip.a_panel = kernels_.tile_rows * depth_;
    strip.a_step = kernels_.tile_rows;
    strip.b = planes;
    strip.b_depth = taps_.data();
    if (sum_.epilogue.bias != nullptr) strip.row_bias = sum_.epilogue.bias + group * sum_.channels + channel;
    strip.relu = sum_.epilogue.relu;
    return strip;
  }

  // The last vector of a row overlaps the one before, so that it ends with the row. Strips share the vectors evenly.
  void row_band(std::int64_t image, std::int64_t channel, const T* planes, std::int64_t first, std::int64_t last,
                const Ahead<T>& ahead) const {
    const Place<T> place(sum_, planes_, image);
    const std::int64_t width = planes_.columns().grid;
    Strip<T> strip = this->strip(image, channel, planes);
    strip.c = place.data + channel * place.channel;
    strip.c_step = place.channel;
    strip.c_is_far = true;
    const std::int64_t per_row = blocks_of(width, kernels_.lanes), total = (last - first) * per_row;
    const std::int64_t strips = blocks_of(total, vectors_);
    std::int64_t i = 0;
    for (std::int64_t s = 1; s <= strips; ++s) {
      for (strip.vectors = 0; i < total * s / strips; ++i, ++strip.vectors) {
        const std::int64_t y = first + i / per_row;
        const std::int64_t x = std::min(i % per_row * kernels_.lanes, width - kernels_.lanes);
        strip.b_vector[strip.vectors] = y * planes_.pitch() + x;
        strip.c_vector[strip.vectors] = y * place.row + x;
      }
      ahead.part(s - 1, strips).give(strip);
      kernels_.contract(strip);
    }
  }

  void flat_band(std::int64_t image, std::int64_t channel, const T* planes, std::int64_t first, std::int64_t end,
                 T* tile, const Ahead<T>& ahead) const {
    const Place<T> place(sum_, planes_, image);
    const std::int64_t width = strip_width();
    Strip<T> strip = this->strip(image, channel, planes);
    strip.c = tile;
    strip.c_step = width;
    for (int v = 0; v < vectors_; ++v) strip.c_vector[v] = v * kernels_.lanes;
    for (std::int64_t i = first * width; i < end; i += width) {
      const std::int64_t count = std::min(width, end - i);
      strip.vectors = static_cast<int>(blocks_of(count, kernels_.lanes));
      for (int v = 0; v < strip.vectors; ++v) strip.b_vector[v] = i + v * kernels_.lanes;
      ahead.part(i / width - first, blocks_of(end, width) - first).give(strip);
      kernels_.contract(strip);
      const auto move = [&](std::int64_t start, std::int64_t n, std::int64_t y, std::int64_t x) {
        T* const to = place.data + channel * place.channel + y * place.row + x * place.column;
        move_run(place, strip.rows, n, tile + start, width, to);
      };
      for_each_run(planes_, planes_.pitch(), i, count, move);
    }
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const TapSum<T>& sum_;
  const Planes& planes_;
  const std::vector<std::int32_t> taps_;
  const bool flat_;
  const std::int64_t depth_;
  const int vectors_;
  const std::int64_t channel_block_;  // channels whose weights stay in the second-level cache together
  const PackedWeights<T> weights_;
};

// Channels are the lanes. A strip is a few vectors of channels for some pixels, each of which is a row.
template <class T>
class ChannelLanes {
 public:
  ChannelLanes(const TapSum<T>& sum, const PixelGrid& grid, std::vector<std::int32_t> taps)
      : sum_(sum),
        planes_(grid.planes),
        taps_(std::move(taps)),
        depth_(std::ssize(taps_)),
        width_(even_width(sum.channels, kernels_.lanes, kernels_.vectors)),
        weights_(sum, grid.weight_tap, depth_, width_),
        bias_(sum.groups * round_up(sum.channels, width_), T(0)) {
    for (std::int64_t y = 0; y < planes_.rows().grid; ++y) {
      for (std::int64_t x = 0; x < planes_.columns().grid; ++x) pixels_.push_back(y * planes_.pitch() + x);
    }
    const std::int64_t padded = round_up(sum.channels, width_);
    for (std::int64_t g = 0; sum.epilogue.bias != nullptr && g < sum.groups; ++g) {
      std::copy_n(sum.epilogue.bias + g * sum.channels, sum.channels, bias_.data() + g * padded);
    }
  }

  // Whole tiles of pixels.
  std::int64_t units() const { return blocks_of(planes_.pixels(), pixel_rows); }
  std::int64_t work() const { return depth_ * planes_.pixels(); }

  std::int64_t tile_size() const { return pixel_rows * width_; }

  // Units [first, last) of one image. `ahead` is what is read next; `tile` is scratch space.
  void operator()(std::int64_t image, const T* planes, std::int64_t first, std::int64_t last, const Ahead<T>& ahead,
                  T* tile) const {
    for (std::int64_t unit = first; unit < last; ++unit) {
      const Ahead<T> part = ahead.part(unit - first, last - first);
      for (std::int64_t m = 0; m < sum_.channels; m += width_) {
        tile_of_pixels(image, m, planes, unit, m == 0 ? part : Ahead<T>(), tile);
      }
    }
  }

 private:
  void tile_of_pixels(std::int64_t image, std::int64_t channel, const T* planes, std::int64_t unit,
                      const Ahead<T>& ahead, T* tile) const {
    const std::int64_t first = unit * pixel_rows, group = image % sum_.groups;
    Strip<T> strip;
    strip.rows = std::min(pixel_rows, planes_.pixels() - first);
    strip.depth = depth_;
    strip.vectors = static_cast<int>(width_ / kernels_.lanes);
    strip.a = planes;
    strip.a_row = pixels_.data() + first;
    strip.a_depth = taps_.data();
    strip.b = weights_.group(group) + channel * depth_;
    strip.b_step = width_;
    strip.c = tile;
    strip.c_step = width_;
    for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = v * kernels_.lanes;
    strip.relu = sum_.epilogue.relu;
    if (sum_.epilogue.bias != nullptr)
      strip.column_bias = bias_.data() + group * round_up(sum_.channels, width_) + channel;
    ahead.give(strip);
    kernels_.contract(strip);
    move_tile(image, channel, first, strip.rows, tile);
  }

  // Transposes a tile (pixels, channels) into the target, run of pixels by run of pixels.
  void move_tile(std::int64_t image, std::int64_t channel, std::int64_t first, std::int64_t pixels,
                 const T* tile) const {
    const Place<T> place(sum_, planes_, image);
    const std::int64_t count = std::min(width_, sum_.channels - channel), grid_width = planes_.columns().grid;
    T* const target = place.data + channel * place.channel;
    if (place.column == 1 && place.row == grid_width) {
      transpose(pixels, count, tile, width_, target + first, place.channel);
      return;
    }
    for_each_run(planes_, grid_width, first, pixels,
                 [&](std::int64_t i, std::int64_t n, std::int64_t y, std::int64_t x) {
                   T* const to = target + y * place.row + x * place.column;
                   const T* const from = tile + i * width_;
                   if (place.column == 1) {
                     transpose(n, count, from, width_, to, place.channel);
                     return;
                   }
                   for (std::int64_t m = 0; m < count; ++m) {
                     for (std::int64_t j = 0; j < n; ++j)
                       to[m * place.channel + j * place.column] = from[j * width_ + m];
                   }
                 });
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const TapSum<T>& sum_;
  const Planes& planes_;
  const std::vector<std::int32_t> taps_;
  const std::int64_t depth_;
  const std::int64_t width_;  // channels of a strip
  const PackedWeights<T> weights_;
  const Scratch<T> bias_;
  std::vector<std::int64_t> pixels_;  // offsets of the pixels in a plane
};

template <class T>
using GridLanes = std::variant<PixelLanes<T>, ChannelLanes<T>>;

// All grids of an image, one after the other, while it and its planes are in a near cache. Images are cut into bands
// where threads would have nothing to do. Without padding, planes need no zeros: what vectors read beyond a grid then
// is any number, and is dropped.
template <class T>
void sum_grids(const TapSum<T>& sum, const std::deque<GridLanes<T>>& grids) {
  const Planes& planes = sum.grids.front().planes;
  const std::int64_t images = sum.batch * sum.groups,
                     image_size = planes.channels() * planes.rows().source * planes.columns().source;
  std::int64_t most_units = 1, tile_size = 0, work = 0;
  for (const GridLanes<T>& grid : grids) {
    std::visit(
        [&](const auto& lanes) {
          most_units = std::max(most_units, lanes.units());
          tile_size = std::max(tile_size, lanes.tile_size());
          work += sum.channels * lanes.work();
        },
        grid);
  }
  const std::int64_t bands = std::min(most_units, parts_wanted(images, 4));
  const auto do_band = [&](std::int64_t image, std::int64_t band, const T* loaded, T* tile) {
    Ahead<T> ahead;
    if (band + 1 == bands && image + 1 < images) ahead = {sum.source + (image + 1) * image_size, image_size};
    for (const GridLanes<T>& grid : grids) {
      std::visit(
          [&](const auto& lanes) {
            const std::int64_t units = lanes.units();
            lanes(image, loaded, units * band / bands, units * (band + 1) / bands, ahead, tile);
          },
          grid);
      ahead = {};
    }
  };
  parallel_with(images * bands, blocks_of(inline_work, std::max<std::int64_t>(1, work / bands)), [&] {
    return
        [&, loaded = planes.padded() ? Scratch<T>(planes.size(), T(0)) : Scratch<T>(planes.size()),
         tile = Scratch<T>(tile_size), loaded_image = std::int64_t{-1}](std::int64_t begin, std::int64_t end) mutable {
          for (std::int64_t item = begin; item < end; ++item) {
            const std::int64_t image = item / bands, band = item % bands;
            if (image != loaded_image) {
              planes.load(sum.source + image * image_size, planes.channels(), loaded.data());
              loaded_image = image;
            }
            do_band(image, band, loaded.data(), tile.data());
          }
        };
  });
}

}  // namespace

template <class T>
void sum_over_taps(const TapSum<T>& sum) {
  std::deque<GridLanes<T>> grids;
  for (const PixelGrid& grid : sum.grids) {
    if (sum.batch * sum.groups * sum.channels * grid.planes.pixels() == 0) continue;
    std::vector<std::int32_t> taps = grid.planes.tap_offsets();
    const Lanes lanes = choose_lanes(sum, grid.planes, std::ssize(taps));
    if (lanes == Lanes::channels) {
      grids.emplace_back(std::in_place_type<ChannelLanes<T>>, sum, grid, std::move(taps));
    } else {
      grids.emplace_back(std::in_place_type<PixelLanes<T>>, sum, grid, std::move(taps), lanes == Lanes::flat);
    }
  }
  if (!grids.empty()) sum_grids(sum, grids);
}

template void sum_over_taps(const TapSum<float>&);
template void sum_over_taps(const TapSum<double>&);

}  // namespace ravel::kernels
