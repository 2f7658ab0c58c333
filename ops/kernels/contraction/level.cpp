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

// Fetches `rows` rows, from row `first` on, of what the caller of a strip will read next.
template <class T>
void fetch_ahead(const Strip<T>& strip, std::int64_t first, std::int64_t rows) {
  constexpr std::int64_t line = 64 / sizeof(T);
  const std::int64_t end = first + rows < strip.ahead_rows ? first + rows : strip.ahead_rows;
  for (std::int64_t row = first; row < end; ++row) {
    const T* const at = strip.ahead + row * strip.ahead_step;
    for (std::int64_t i = 0; i < strip.ahead_width; i += line) __builtin_prefetch(at + i, 0, 2);
  }
}

// Fetches the lines of C that rows [first, end) of a strip will write.
template <class T>
void fetch_c(const Strip<T>& strip, std::int64_t first, std::int64_t end) {
  for (std::int64_t row = first; row < end; ++row) {
    for (int v = 0; v < strip.vectors; ++v) __builtin_prefetch(strip.c + row * strip.c_step + strip.c_vector[v], 1);
  }
}

// The rows of a strip in as few tiles as possible; before each, a part of what comes next is fetched. `tiles` are those
// for its way of addressing. Tiles are as even as can be, for one of few rows waits for its own additions; but panels
// of A have tile_rows rows, and so has the first tile if it is to copy B.
template <class T, class TilesOfAddressing>
void contract_with(const TilesOfAddressing& tiles, const Strip<T>& strip) {
  const std::int64_t count = (strip.rows + tile_rows - 1) / tile_rows;
  const bool even = strip.a_row != nullptr && strip.b_copy == nullptr;
  const std::int64_t ahead_rows = strip.ahead_rows > 0 ? (strip.ahead_rows + count - 1) / count : 0;
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t left = strip.rows - first, whole = left < tile_rows ? left : tile_rows;
    const std::int64_t rows = even ? (left + count - i - 1) / (count - i) : whole;
    if (ahead_rows > 0) fetch_ahead(strip, i * ahead_rows, ahead_rows);
    if (strip.c_is_far) fetch_c(strip, first, first + rows);
    const bool copies_b = i == 0 && strip.b_copy != nullptr;
    const auto tile = copies_b ? tiles.copying[strip.vectors - 1] : tiles.sizes[rows - 1][strip.vectors - 1];
    tile(strip, first);
    first += rows;
  }
}

template <class T>
void contract(const Strip<T>& strip) {
  if (strip.a_row != nullptr) {
    contract_with(row_tiles<T>, strip);
  } else if (strip.b_depth != nullptr) {
    contract_with(tap_tiles<T>, strip);
  } else {
    contract_with(panel_tiles<T>, strip);
  }
}

template <class T>
constexpr Contraction<T> table = {lanes<T>,    tile_rows,       tile_vectors, single_row_vectors, contract<T>,
                                  all_dots<T>, filter_plane<T>, transpose<T>, pack_panel<T>};

}  // namespace

constinit const Contraction<float> contraction_f32 = table<float>;
constinit const Contraction<double> contraction_f64 = table<double>;

}  // namespace ravel::kernels::RAVEL_LEVEL
