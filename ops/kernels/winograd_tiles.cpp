#include "ravel/ops/kernels/winograd_tiles.hpp"

#include <algorithm>

#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// A rectangle of pixels of an image, `first` being its corner, which may lie outside.
struct Rectangle {
  std::array<std::int64_t, 2> first, size;
};

// pixels (row, column, lane) = the rectangle in `count` <= tile_lanes channels, the first of which lies at `image`;
// zeros outside of the image and in the other lanes.
void load_pixels(const float* image, const std::array<std::int64_t, 2>& size, std::int64_t count, const Rectangle& area,
                 float* pixels) {
  const std::int64_t begin = std::clamp<std::int64_t>(-area.first[1], 0, area.size[1]);
  const std::int64_t end = std::clamp<std::int64_t>(size[1] - area.first[1], begin, area.size[1]);
  for (std::int64_t i = 0; i < area.size[0]; ++i, pixels += area.size[1] * tile_lanes) {
    const std::int64_t row = area.first[0] + i;
    if (row < 0 || row >= size[0] || begin == end) {
      std::fill_n(pixels, area.size[1] * tile_lanes, 0.0F);
      continue;
    }
    const float* const from = image + row * size[1] + area.first[1] + begin;
    std::fill_n(pixels, begin * tile_lanes, 0.0F);
    pack_panel(tile_lanes, count, end - begin, from, size[0] * size[1], std::int64_t{1}, pixels + begin * tile_lanes);
    std::fill(pixels + end * tile_lanes, pixels + area.size[1] * tile_lanes, 0.0F);
  }
}

// The inverse for what lies inside of the image.
void store_pixels(const float* pixels, const Rectangle& area, std::int64_t count,
                  const std::array<std::int64_t, 2>& size, float* image) {
  const std::int64_t rows = std::min(area.size[0], size[0] - area.first[0]);
  const std::int64_t columns = std::min(area.size[1], size[1] - area.first[1]);
  const bool whole_rows = columns == area.size[1] && columns == size[1];
  const std::int64_t runs = whole_rows ? 1 : rows, run = whole_rows ? rows * columns : columns;
  float* const corner = image + area.first[0] * size[1] + area.first[1];
  for (std::int64_t i = 0; i < runs; ++i) {
    transpose(run, count, pixels + i * area.size[1] * tile_lanes, tile_lanes, corner + i * size[1], size[0] * size[1]);
  }
}

// What is below 0 becomes 0.
void apply_relu(std::int64_t count, float* to) {
  RAVEL_INDEPENDENT
  for (std::int64_t i = 0; i < count; ++i) to[i] = to[i] < 0 ? 0 : to[i];
}

// Adds `bias` (lane) to each row of (rows, lane).
void add_to_rows(std::int64_t rows, const float* bias, float* to) {
  for (std::int64_t i = 0; i < rows; ++i, to += tile_lanes) {
    RAVEL_INDEPENDENT
    for (std::int64_t lane = 0; lane < tile_lanes; ++lane) to[lane] += bias[lane];
  }
}

}  // namespace

Bands::Bands(std::int64_t images, std::int64_t rows, std::int64_t columns, std::int64_t most)
    : images_(images),
      rows_(rows),
      columns_(columns),
      per_column_(even_block(columns, most)),
      per_row_(per_column_ < columns ? 1 : even_block(rows, most / columns)),
      per_image_(per_row_ < rows || per_column_ < columns ? 1 : even_block(images, most / (rows * columns))),
      column_bands_(blocks_of(columns, per_column_)),
      row_bands_(blocks_of(rows, per_row_)),
      image_bands_(blocks_of(images, per_image_)) {}

Band Bands::operator[](std::int64_t i) const {
  const std::int64_t column = i % column_bands_ * per_column_, row = i / column_bands_ % row_bands_ * per_row_;
  const std::int64_t image = i / column_bands_ / row_bands_ * per_image_;
  return {image,  std::min(per_image_, images_ - image),   row, std::min(per_row_, rows_ - row),
          column, std::min(per_column_, columns_ - column)};
}

template <int m, class Line>
void read_tiles(const Images<const float>& source, std::int64_t group, std::int64_t channel, std::int64_t count,
                const Band& band, float* pixels, float* tiles) {
  constexpr std::int64_t reach = Line::in - m, tile_size = Line::out * Line::out * tile_lanes;
  const Rectangle area{{band.row * m - source.padding[0], band.column * m - source.padding[1]},
                       {band.rows * m + reach, band.columns * m + reach}};
  for (std::int64_t c = 0; c < count; c += tile_lanes) {
    for (std::int64_t n = 0; n < band.images; ++n, tiles += band.rows * band.columns * tile_size) {
      load_pixels(source.at(band.image + n, group, channel + c), source.size, std::min(tile_lanes, count - c), area,
                  pixels);
      at_level([=] {
        const std::int64_t pitch = area.size[1] * tile_lanes;
        for (std::int64_t i = 0; i < band.rows; ++i) {
          for (std::int64_t j = 0; j < band.columns; ++j) {
            transform_square<Line>(AllLanes(), pixels + i * m * pitch + j * m * tile_lanes, pitch, tile_lanes,
                                   tiles + (i * band.columns + j) * tile_size, Line::out * tile_lanes, tile_lanes);
          }
        }
      });
    }
  }
}

template <int m>
void write_tiles(const float* tiles, const float* bias, bool relu, const Images<float>& target, std::int64_t group,
                 std::int64_t channel, std::int64_t count, const Band& band, float* pixels) {
  using Line = typename Winograd<m>::Output;
  constexpr std::int64_t tile_size = Line::in * Line::in * tile_lanes;
  const Rectangle area{{band.row * m, band.column * m}, {band.rows * m, band.columns * m}};
  for (std::int64_t c = 0; c < count; c += tile_lanes) {
    for (std::int64_t n = 0; n < band.images; ++n, tiles += band.rows * band.columns * tile_size) {
      at_level([=] {
        const std::int64_t pitch = area.size[1] * tile_lanes;
        for (std::int64_t i = 0; i < band.rows; ++i) {
          for (std::int64_t j = 0; j < band.columns; ++j) {
            transform_square<Line>(AllLanes(), tiles + (i * band.columns + j) * tile_size, Line::in * tile_lanes,
                                   tile_lanes, pixels + i * m * pitch + j * m * tile_lanes, pitch, tile_lanes);
          }
        }
        if (bias != nullptr) add_to_rows(area.size[0] * area.size[1], bias + c, pixels);
        if (relu) apply_relu(area.size[0] * pitch, pixels);
      });
      store_pixels(pixels, area, std::min(tile_lanes, count - c), target.size,
                   target.at(band.image + n, group, channel + c));
    }
  }
}

template void read_tiles<2, Winograd<2>::Input>(const Images<const float>&, std::int64_t, std::int64_t, std::int64_t,
                                                const Band&, float*, float*);
template void read_tiles<4, Winograd<4>::Input>(const Images<const float>&, std::int64_t, std::int64_t, std::int64_t,
                                                const Band&, float*, float*);
template void read_tiles<2, Winograd<2>::OutputGradient>(const Images<const float>&, std::int64_t, std::int64_t,
                                                         std::int64_t, const Band&, float*, float*);
template void read_tiles<4, Winograd<4>::OutputGradient>(const Images<const float>&, std::int64_t, std::int64_t,
                                                         std::int64_t, const Band&, float*, float*);
template void write_tiles<2>(const float*, const float*, bool, const Images<float>&, std::int64_t, std::int64_t,
                             std::int64_t, const Band&, float*);
template void write_tiles<4>(const float*, const float*, bool, const Images<float>&, std::int64_t, std::int64_t,
                             std::int64_t, const Band&, float*);

}  // namespace ravel::kernels
