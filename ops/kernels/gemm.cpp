#include "ravel/ops/kernels/gemm.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// A call of gemm, the operands of which may have been exchanged: C is written transposed then.
template <class T>
struct Product {
  std::int64_t rows, columns, depth;
  Matrix<T> a, b;
  T* c;
  std::int64_t c_row_stride;
  Epilogue<T> epilogue;
  Batch batch;
  bool transposed = false;

  const T* a_of(std::int64_t i) const { return a.data + (batch.a.empty() ? 0 : batch.a[static_cast<std::size_t>(i)]); }
  const T* b_of(std::int64_t i) const { return b.data + (batch.b.empty() ? 0 : batch.b[static_cast<std::size_t>(i)]); }
  T* c_of(std::int64_t i) const { return c + i * batch.c_stride; }

  Product exchanged() const {
    Product p = *this;
    p.rows = columns;
    p.columns = rows;
    p.a = {b.data, b.column_stride, b.row_stride};
    p.b = {a.data, a.column_stride, a.row_stride};
    p.epilogue = {epilogue.column_bias, epilogue.row_bias, epilogue.relu};
    p.batch = {batch.count, batch.b, batch.a, batch.c_stride};
    p.transposed = !transposed;
    return p;
  }
};

// Elements of B or C, counted for each product of a batch, from which on they are fetched before they are needed: they
// will hardly be found in a near cache.
constexpr std::int64_t far = 1 << 18;

// A is read in place for so few strips of B; for more of them it is packed first.
constexpr std::int64_t strips_in_place = 12;

// An estimate for choosing between a product and its exchange, in the time of one multiply-add of one lane. Columns are
// the lanes of vectors, which may be idle. Elements are transposed (operand_move, result_move) of A when it is packed,
// of B when it lies along the depth, of C when the operands are exchanged.
template <class T>
std::int64_t time_of(const Product<T>& p) {
  const Contraction<T>& kernels = contraction<T>();
  std::int64_t time = p.rows * round_up(p.columns, kernels.lanes) * p.depth;
  const bool packs_a = p.columns > strips_in_place * kernels.vectors * kernels.lanes;
  if (packs_a && p.a.row_stride != 1) time += operand_move * p.rows * p.depth;
  if (p.b.column_stride != 1) time += operand_move * p.columns * p.depth;
  if (p.transposed) time += result_move * p.rows * p.columns;
  return time;
}

// The depth of one chain of multiply-adds: as even a share as whole units allow. C is read and written once per chain:
// a large one, which lies in no near cache, waits for longer chains.
template <class T>
std::int64_t chain_of(const Product<T>& p) {
  const std::int64_t most = p.rows * p.columns < large_product ? depth_block : deep_block;
  return p.depth == 0 ? 0 : std::min(p.depth, even_width(p.depth, depth_unit, most / depth_unit));
}

// How C is cut into blocks, one task each.
struct Blocks {
  std::int64_t row_blocks, column_blocks, rows, columns;
};

// The cut for which the busiest thread is done first: a task costs its tiles, the packing of its operands and a start.
template <class T>
Blocks cut_into_blocks(const Product<T>& p) {
  const Contraction<T>& kernels = contraction<T>();
  const std::int64_t width = kernels.lanes * kernels.vectors, workers = threads();
  // Packing an element and starting a task take as long as so many multiply-adds, turning to another strip as long as
  // so many more columns.
  constexpr double packing = 8, start = 1e5, strip_columns = 5;
  const std::int64_t products = p.batch.count;
  const auto blocks = [&](std::int64_t row_blocks, std::int64_t column_blocks) {
    const std::int64_t rows = round_up(blocks_of(p.rows, row_blocks), kernels.tile_rows);
    const std::int64_t columns = round_up(blocks_of(p.columns, column_blocks), kernels.lanes);
    return Blocks{blocks_of(p.rows, rows), blocks_of(p.columns, columns), rows, columns};
  };
  Blocks best = blocks(1, 1);
  if (workers == 1 || products * p.rows * p.columns * p.depth < 2 * inline_work) return best;
  double least_time = std::numeric_limits<double>::infinity();
  for (std::int64_t row_blocks = 1; row_blocks <= 1 + 4 * workers; ++row_blocks) {
    for (std::int64_t per_worker = 1; per_worker <= 4; ++per_worker) {
      const Blocks cut = blocks(row_blocks, std::max<std::int64_t>(1, per_worker * workers / row_blocks));
      const std::int64_t rounds = blocks_of(products * cut.row_blocks * cut.column_blocks, workers);
      const double packed = static_cast<double>((cut.rows + cut.columns) * p.depth),
                   strips = static_cast<double>(blocks_of(cut.columns, width)),
                   multiplied = (static_cast<double>(cut.columns) + strip_columns * strips) *
                                static_cast<double>(cut.rows * p.depth);
      const double time = static_cast<double>(rounds) * (multiplied + packing * packed + start);
      if (time < least_time) {
        least_time = time;
        best = cut;
      }
    }
  }
  return best;
}

// Computes blocks of C, each with all of its depth, in scratch space that serves one block after the other.
// Per block of the depth and slab of columns, some rows of A at a time are packed into panels, which stay in the
// second-level cache (or they are read in place where few strips use them), and multiplied with one strip of columns
// after the other. The first rows to use a strip copy it into a panel of B, for all rows to come: whole vectors with
// their first tile (Strip::b_copy), others before it.
// Strips whose last vector is partial, and all strips of a transposed product, are computed aside and moved at the end.
template <class T>
class BlockProduct {
 public:
  BlockProduct(const Product<T>& product, const Blocks& blocks)
      : p_(product),
        width_(even_width(std::min(blocks.columns, product.columns), kernels_.lanes,
                          product.rows == 1 ? kernels_.single_row_vectors : kernels_.vectors)),
        depth_(chain_of(product)),
        row_block_(round_up(packed_block / std::max<std::int64_t>(1, depth_), kernels_.tile_rows)),
        pack_a_(depth_ == 0 || blocks.columns > strips_in_place * width_ ||
                (product.a.row_stride != 1 &&
                 std::abs(product.a.column_stride) > std::numeric_limits<std::int32_t>::max() / depth_)),
        pack_b_(product.b.column_stride != 1 || blocks.rows > 4 * kernels_.tile_rows),
        slab_(blocks.rows > row_block_
                  ? even_width(blocks.columns, width_, (pack_a_ ? column_block : near_columns) / width_)
                  : round_up(blocks.columns, width_)),
        panel_columns_(blocks.rows > row_block_ ? slab_ : width_),
        a_panels_(pack_a_ ? round_up(std::min(blocks.rows, row_block_), kernels_.tile_rows) * depth_ : 0),
        a_row_(pack_a_ ? 0 : blocks.rows),
        a_depth_(pack_a_ ? 0 : depth_),
        b_panels_(panel_columns_ * depth_),
        aside_(blocks.rows * (product.transposed ? round_up(blocks.columns, kernels_.lanes) : width_)),
        column_bias_(product.epilogue.column_bias != nullptr ? round_up(blocks.columns, width_) : 0) {
    if (!pack_a_) {
      for (std::int64_t i = 0; i < blocks.rows; ++i) a_row_[i] = i * p_.a.row_stride;
      for (std::int64_t k = 0; k < depth_; ++k) a_depth_[k] = static_cast<std::int32_t>(k * p_.a.column_stride);
    }
  }

  // The block of rows [row, row + rows) and columns [column, column + columns) of product number i.
  void operator()(std::int64_t i, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
    a_ = p_.a_of(i) + row * p_.a.row_stride;
    b_ = p_.b_of(i) + column * p_.b.column_stride;
    c_ = p_.c_of(i) + (p_.transposed ? column * p_.c_row_stride + row : row * p_.c_row_stride + column);
    row_bias_ = p_.epilogue.row_bias != nullptr ? p_.epilogue.row_bias + row : nullptr;
    const bool partial = columns % kernels_.lanes != 0;
    first_aside_ = p_.transposed ? 0 : partial ? (columns - 1) / width_ * width_ : columns;
    aside_width_ = round_up(columns - first_aside_, kernels_.lanes);
    if (p_.epilogue.column_bias != nullptr) {
      std::copy_n(p_.epilogue.column_bias + column, columns, column_bias_.data());
      std::fill(column_bias_.data() + columns, column_bias_.data() + round_up(columns, kernels_.lanes), T(0));
    }
    std::int64_t k = 0;
    do {
      for (std::int64_t j = 0; j < columns; j += slab_) {
        for (std::int64_t m = 0; m < rows; m += row_block_) {
          multiply_rows(k, m, std::min(row_block_, rows - m), j, std::min(slab_, columns - j));
        }
      }
      k += depth_;
    } while (k < p_.depth);
    move_from_aside(rows, columns);
  }

 private:
  // Rows [row, row + rows) of the block with the slab of columns [first, first + columns), for the depth from k on.
  void multiply_rows(std::int64_t k, std::int64_t row, std::int64_t rows, std::int64_t first, std::int64_t columns) {
    Strip<T> strip;
    strip.rows = rows;
    strip.depth = std::min(depth_, p_.depth - k);
    strip.add = k > 0;
    const bool last = k + strip.depth == p_.depth;
    if (last && row_bias_ != nullptr) strip.row_bias = row_bias_ + row;
    strip.relu = last && p_.epilogue.relu;
    place_a(strip, a_ + row * p_.a.row_stride + k * p_.a.column_stride);
    for (std::int64_t j = first; j < first + columns; j += width_) {
      const std::int64_t count = std::min(width_, first + columns - j);
      strip.vectors = static_cast<int>(blocks_of(count, kernels_.lanes));
      if (last && p_.epilogue.column_bias != nullptr) strip.column_bias = column_bias_.data() + j;
      T* const panel = b_panels_.data() + (j - first) % panel_columns_ * depth_;
      place_b(strip, b_ + j * p_.b.column_stride + k * p_.b.row_stride, count, row == 0, panel);
      const bool aside = j >= first_aside_;
      strip.c = aside ? aside_.data() + row * aside_width_ + j - first_aside_ : c_ + row * p_.c_row_stride + j;
      strip.c_step = aside ? aside_width_ : p_.c_row_stride;
      strip.c_is_far = !aside && p_.batch.count * p_.rows * p_.columns >= far;
      for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = v * kernels_.lanes;
      strip.ahead_rows = 0;
      if (row == 0 && p_.batch.count * p_.columns * p_.depth >= far) {
        if (j + width_ < first + columns) {
          fetch_b(strip, k, j + width_, first + columns);
        } else if (!last) {
          fetch_b(strip, k + depth_, first, first + columns);
        }
      }
      kernels_.contract(strip);
    }
  }

  // Lets a strip fetch what the next one will read of B: the one that begins at column j and depth k, where the slab
  // ends at column `end`.
  void fetch_b(Strip<T>& strip, std::int64_t k, std::int64_t j, std::int64_t end) const {
    const std::int64_t columns = std::min(width_, end - j), depth = std::min(depth_, p_.depth - k);
    strip.ahead = b_ + j * p_.b.column_stride + k * p_.b.row_stride;
    if (p_.b.column_stride == 1) {
      strip.ahead_rows = depth;
      strip.ahead_width = columns;
      strip.ahead_step = p_.b.row_stride;
    } else if (p_.b.row_stride == 1) {
      strip.ahead_rows = columns;
      strip.ahead_width = depth;
      strip.ahead_step = p_.b.column_stride;
    }
  }

  void place_a(Strip<T>& strip, const T* a) {
    const std::int64_t tile_rows = kernels_.tile_rows;
    if (pack_a_) {
      strip.a = a_panels_.data();
      strip.a_panel = tile_rows * strip.depth;
      strip.a_step = tile_rows;
      for (std::int64_t i = 0; i < strip.rows; i += tile_rows) {
        pack_panel(tile_rows, std::min(tile_rows, strip.rows - i), strip.depth, a + i * p_.a.row_stride,
                   p_.a.row_stride, p_.a.column_stride, a_panels_.data() + i * strip.depth);
      }
    } else if (p_.a.row_stride == 1) {
      strip.a = a;
      strip.a_panel = tile_rows;
      strip.a_step = p_.a.column_stride;
    } else {
      strip.a = a;
      strip.a_row = a_row_.data();
      strip.a_depth = a_depth_.data();
    }
  }

  void place_b(Strip<T>& strip, const T* b, std::int64_t count, bool first_use, T* panel) {
    const std::int64_t width = strip.vectors * kernels_.lanes;
    const bool copy =
        pack_b_ && first_use && p_.b.column_stride == 1 && count == width && strip.rows >= kernels_.tile_rows;
    strip.b_copy = copy ? panel : nullptr;
    if (!copy && (pack_b_ || count < width)) {
      if (first_use) pack_panel(width, count, strip.depth, b, p_.b.column_stride, p_.b.row_stride, panel);
      strip.b = panel;
      strip.b_step = width;
    } else {
      strip.b = b;
      strip.b_step = p_.b.row_stride;
    }
  }

  void move_from_aside(std::int64_t rows, std::int64_t columns) {
    if (p_.transposed) {
      transpose(rows, columns, aside_.data(), aside_width_, c_, p_.c_row_stride);
    } else if (first_aside_ < columns) {
      for (std::int64_t i = 0; i < rows; ++i) {
        std::copy_n(aside_.data() + i * aside_width_, columns - first_aside_, c_ + i * p_.c_row_stride + first_aside_);
      }
    }
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const Product<T> p_;
  const std::int64_t width_, depth_;  // of a strip, and of a block of the depth
  const std::int64_t row_block_;      // rows of A that are packed at a time
  const bool pack_a_, pack_b_;
  const std::int64_t slab_;           // columns that are multiplied with the same packed rows of A
  const std::int64_t panel_columns_;  // columns whose panels of B are kept: a strip if all rows use it at once
  Scratch<T> a_panels_;
  Scratch<std::int64_t> a_row_;
  Scratch<std::int32_t> a_depth_;
  Scratch<T> b_panels_, aside_, column_bias_;
  const T* a_ = nullptr;  // the block that is computed
  const T* b_ = nullptr;
  T* c_ = nullptr;
  const T* row_bias_ = nullptr;
  std::int64_t first_aside_ = 0, aside_width_ = 0;  // the columns that are computed aside, and the length of their rows
};

// Both operands lie along the depth and C has so few rows that transposing B would cost more than the product.
template <class T>
bool made_of_dots(const Product<T>& p) {
  return p.rows <= dots_rows && p.depth >= dots_depth && p.a.column_stride == 1 && p.b.row_stride == 1;
}

// Columns [first, first + columns) of product number i.
template <class T>
void multiply_by_dots(const Product<T>& p, std::int64_t i, std::int64_t first, std::int64_t columns) {
  Dots<T> dots;
  dots.rows = p.rows;
  dots.columns = columns;
  dots.depth = p.depth;
  dots.a = p.a_of(i);
  dots.a_row = p.a.row_stride;
  dots.b = p.b_of(i) + first * p.b.column_stride;
  dots.b_row = p.b.column_stride;
  dots.c_row = p.transposed ? 1 : p.c_row_stride;
  dots.c_column = p.transposed ? p.c_row_stride : 1;
  dots.c = p.c_of(i) + first * dots.c_column;
  contraction<T>().dots(dots);
  for (std::int64_t m = 0; m < p.rows; ++m) {
    for (std::int64_t n = 0; n < columns; ++n) {
      T& y = dots.c[m * dots.c_row + n * dots.c_column];
      if (p.epilogue.row_bias != nullptr) y += p.epilogue.row_bias[m];
      if (p.epilogue.column_bias != nullptr) y += p.epilogue.column_bias[first + n];
      if (p.epilogue.relu && y < 0) y = 0;
    }
  }
}

template <class T>
void multiply_by_dots(const Product<T>& p) {
  const std::int64_t grain = blocks_of(inline_work, p.rows * p.depth);
  parallel(p.batch.count * p.columns, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end;) {
      const std::int64_t first = item % p.columns, columns = std::min(p.columns - first, end - item);
      multiply_by_dots(p, item / p.columns, first, columns);
      item += columns;
    }
  });
}

template <class T>
void multiply_by_blocks(const Product<T>& p) {
  const Blocks blocks = cut_into_blocks(p);
  const std::int64_t cuts = blocks.row_blocks * blocks.column_blocks;
  const std::int64_t work = std::max<std::int64_t>(1, p.rows * p.columns * p.depth / cuts);
  parallel_with(p.batch.count * cuts, blocks_of(inline_work, work), [&] {
    return [&, multiply = BlockProduct<T>(p, blocks)](std::int64_t begin, std::int64_t end) mutable {
      for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t row = item % cuts % blocks.row_blocks * blocks.rows;
        const std::int64_t column = item % cuts / blocks.row_blocks * blocks.columns;
        multiply(item / cuts, row, std::min(blocks.rows, p.rows - row), column,
                 std::min(blocks.columns, p.columns - column));
      }
    };
  });
}

}  // namespace

template <class T>
void gemm(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<T> a, Matrix<T> b, T* c,
          std::int64_t c_row_stride, const Epilogue<T>& epilogue, const Batch& batch) {
  require(epilogue.row_bias == nullptr || epilogue.column_bias == nullptr, "gemm: one bias at a time");
  const auto has_offsets = [&](std::span<const std::int64_t> s) { return s.empty() || std::ssize(s) == batch.count; };
  require(has_offsets(batch.a) && has_offsets(batch.b), "gemm: {} and {} offsets for {} products", batch.a.size(),
          batch.b.size(), batch.count);
  if (batch.count == 0 || rows == 0 || columns == 0) return;
  const Product<T> given{rows, columns, depth, a, b, c, c_row_stride, epilogue, batch};
  const Product<T> exchanged = given.exchanged();
  if (made_of_dots(given)) return multiply_by_dots(given);
  if (made_of_dots(exchanged)) return multiply_by_dots(exchanged);
  multiply_by_blocks(time_of(exchanged) < time_of(given) ? exchanged : given);
}

template <class T>
std::int64_t gemm_time(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<T> a, Matrix<T> b) {
  const Product<T> given{rows, columns, depth, a, b, nullptr, columns, {}, {}};
  return std::min(time_of(given), time_of(given.exchanged()));
}

template std::int64_t gemm_time(std::int64_t, std::int64_t, std::int64_t, Matrix<float>, Matrix<float>);
template std::int64_t gemm_time(std::int64_t, std::int64_t, std::int64_t, Matrix<double>, Matrix<double>);
template void gemm(std::int64_t, std::int64_t, std::int64_t, Matrix<float>, Matrix<float>, float*, std::int64_t,
                   const Epilogue<float>&, const Batch&);
template void gemm(std::int64_t, std::int64_t, std::int64_t, Matrix<double>, Matrix<double>, double*, std::int64_t,
                   const Epilogue<double>&, const Batch&);

}  // namespace ravel::kernels
