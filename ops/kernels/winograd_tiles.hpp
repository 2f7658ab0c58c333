// Tiles of images, with channels as the lanes of vectors: what all passes of a Winograd convolution share.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/levels.hpp"
#include "ravel/ops/kernels/winograd_lines.hpp"

namespace ravel::kernels {

inline constexpr std::int64_t filter_taps = 9;  // of a 3x3 filter

// Channels whose elements lie side by side in a tile: one vector of AVX-512, two of AVX2.
inline constexpr std::int64_t tile_lanes = 16;
using AllLanes = std::integral_constant<std::int64_t, tile_lanes>;

// Arrays of tiles are (block of tile_lanes channels, tile, point of the tile, lane). The offset of a channel in one:
constexpr std::int64_t channel_offset(std::int64_t channel, std::int64_t tiles, std::int64_t points) {
  return channel / tile_lanes * tiles * points * tile_lanes + channel % tile_lanes;
}

// A band: some neighbouring tiles of one image, or all tiles of some images. In it tiles are numbered by image, row,
// column.
struct Band {
  std::int64_t image, images, row, rows, column, columns;
  std::int64_t tiles() const { return images * rows * columns; }
};

// Cuts `images` images of `rows` x `columns` tiles into bands of at most `most` tiles, about equally large. (So fewer
// images may have larger bands. The pixels that the tiles of one image in a band cover do not depend on `images`.)
class Bands {
 public:
  Bands(std::int64_t images, std::int64_t rows, std::int64_t columns, std::int64_t most);
  std::int64_t count() const { return image_bands_ * row_bands_ * column_bands_; }
  std::int64_t most_tiles() const { return per_image_ * per_row_ * per_column_; }
  Band operator[](std::int64_t i) const;

 private:
  std::int64_t images_, rows_, columns_;
  std::int64_t per_column_, per_row_, per_image_;  // tile columns, tile rows and images of a band
  std::int64_t column_bands_, row_bands_, image_bands_;
};

// Images (batch, groups, channels, size[0], size[1]); `padding` shifts the tiles, where it is negative into the image.
template <class T>
struct Images {
  T* data;
  std::int64_t groups, channels;
  std::array<std::int64_t, 2> size, padding{0, 0};

  std::int64_t plane() const { return size[0] * size[1]; }
  T* at(std::int64_t image, std::int64_t group, std::int64_t channel) const {
    return data + ((image * groups + group) * channels + channel) * plane();
  }
};

// Elements of one block of channels of a band's pixels, tiles reaching `reach` pixels beyond their m x m.
constexpr std::int64_t pixels_size(const Band& band, std::int64_t m, std::int64_t reach) {
  return (band.rows * m + reach) * (band.columns * m + reach) * tile_lanes;
}

// Writes the tiles of a band, transformed by Line: B^T d B with Winograd<m>::Input, A dY A^T with ::OutputGradient.
// Channels [channel, channel + count) become the first of `tiles`. `pixels` is scratch space of pixels_size().
template <int m, class Line>
void read_tiles(const Images<const float>& source, std::int64_t group, std::int64_t channel, std::int64_t count,
                const Band& band, float* pixels, float* tiles);

// The inverse: A^T M A of the first `count` channels of `tiles` becomes the band's part of channels [channel, channel +
// count), with bias[i] added to channel i where it is not null, and with `relu` what is below 0 then becomes 0. What of
// a tile lies outside of the images is dropped. `bias` has as many elements as whole blocks of channels.
template <int m>
void write_tiles(const float* tiles, const float* bias, bool relu, const Images<float>& target, std::int64_t group,
                 std::int64_t channel, std::int64_t count, const Band& band, float* pixels);

// Multiplies a square of lines from both sides by the matrix of Line, for `lanes` neighbouring elements at once:
// element (i, j) is read at x + i * from_row + j * from_column and written at y + i * to_row + j * to_column.
// There may be at most square_lanes lanes. To be called inside of at_level().
inline constexpr std::int64_t square_lanes = 64;
template <class Line, class Lanes>
void transform_square(Lanes lanes, const float* x, std::int64_t from_row, std::int64_t from_column, float* y,
                      std::int64_t to_row, std::int64_t to_column) {
  constexpr std::int64_t step = square_lanes;
  const std::int64_t count = lanes;
  float half[Line::out][Line::in][step];
  for (std::int64_t j = 0; j < Line::in; ++j) {
    RAVEL_INDEPENDENT
    for (std::int64_t lane = 0; lane < count; ++lane) {
      Line::apply(x + j * from_column + lane, from_row, &half[0][j][lane], Line::in * step);
    }
  }
  for (std::int64_t i = 0; i < Line::out; ++i) {
    RAVEL_INDEPENDENT
    for (std::int64_t lane = 0; lane < count; ++lane) {
      Line::apply(&half[i][0][lane], step, y + i * to_row + lane, to_column);
    }
  }
}

}  // namespace ravel::kernels
