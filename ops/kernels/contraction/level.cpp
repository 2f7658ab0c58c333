// The contraction kernels of one level. This source is compiled once per level of instruction set; see
// cmake/ravel_levels.cmake.
#include "ravel/ops/kernels/contraction/levels.hpp"

#include "ravel/ops/kernels/contraction/dots.hpp"
#include "ravel/ops/kernels/contraction/filter.hpp"
#include "ravel/ops/kernels/contraction/panels.hpp"
#include "ravel/ops/kernels/contraction/tile.hpp"

namespace ravel::kernels::RAVEL_LEVEL {
namespace {

// A by panels, B by steps: products of matrices that are packed, or lie as panels do.
template <class T>
constexpr Tiles<T, false, false> panel_tiles;
// A by panels, B by tables: lanes are pixels of padded planes, or in Winograd's weight gradient channels of tiles.
template <class T>
constexpr Tiles<T, false, true> tap_tiles;
// A by tables, B by steps: rows are pixels or taps of padded planes, Winograd's tiles, or those of a matrix in place.
template <class T>
constexpr Tiles<T, true, false> row_tiles;

// All rows of a strip: whole tiles, then one with the rows that are left.
template <class T>
void contract(const Strip<T>& strip) {
  const auto& sizes = strip.a_row != nullptr     ? row_tiles<T>.sizes
                      : strip.b_depth != nullptr ? tap_tiles<T>.sizes
                                                 : panel_tiles<T>.sizes;
  std::int64_t first = 0;
  const auto whole = sizes[tile_rows - 1][strip.vectors - 1];
  for (; first + tile_rows <= strip.rows; first += tile_rows) whole(strip, first);
  if (first < strip.rows) sizes[strip.rows - first - 1][strip.vectors - 1](strip, first);
}

template <class T>
constexpr Contraction<T> table = {lanes<T>,    tile_rows,       tile_vectors, single_row_vectors, contract<T>,
                                  all_dots<T>, filter_plane<T>, transpose<T>, pack_panel<T>};

}  // namespace

constinit const Contraction<float> contraction_f32 = table<float>;
constinit const Contraction<double> contraction_f64 = table<double>;

}  // namespace ravel::kernels::RAVEL_LEVEL
