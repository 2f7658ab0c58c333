#include "ravel/ops/kernels/gemm.hpp"

#include <algorithm>
#include <limits>

#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/block_sizes.hpp"
#include "ravel/ops/kernels/contraction/contraction.hpp"
#include "ravel/ops/kernels/panels.hpp"

namespace ravel::kernels {
namespace {

// One product, the operands of which may have been exchanged: C is written transposed then.
template <class T>
struct Product {
  std::int64_t rows, columns, depth;
  Matrix<T> a, b;
  T* c;
  std::int64_t c_row_stride;
  Epilogue<T> epilogue;
  bool transposed = false;
};

template <class T>
Product<T> exchanged(const Product<T>& p) {
  return {p.columns,
          p.rows,
          p.depth,
          {p.b.data, p.b.column_stride, p.b.row_stride},
          {p.a.data, p.a.column_stride, p.a.row_stride},
          p.c,
          p.c_row_stride,
          {p.epilogue.column_bias, p.epilogue.row_bias},
          !p.transposed};
}

// Columns are the lanes of vectors: the operands are exchanged where that leaves clearly fewer lanes idle.
template <class T>
bool better_exchanged(const Product<T>& p) {
  const std::int64_t lanes = contraction<T>().lanes;
  return 104 * round_up(p.rows, lanes) * p.columns < 100 * round_up(p.columns, lanes) * p.rows;
}

// How C is cut into blocks, one task each.
struct Blocks {
  std::int64_t row_blocks, column_blocks, rows, columns;
};

// The cut for which the busiest thread is done first: a task costs its tiles, the packing of its operands and a start.
template <class T>
Blocks cut_into_blocks(const Product<T>& p, std::int64_t products) {
  const Contraction<T>& kernels = contraction<T>();
  const std::int64_t width = kernels.lanes * kernels.vectors, workers = threads();
  const std::int64_t least = blocks_of(p.rows, row_block);
  const auto blocks = [&](std::int64_t row_blocks, std::int64_t column_blocks) {
    const std::int64_t rows = round_up(blocks_of(p.rows, row_blocks), kernels.tile_rows);
    const std::int64_t columns = round_up(blocks_of(p.columns, column_blocks), width);
    return Blocks{blocks_of(p.rows, rows), blocks_of(p.columns, columns), rows, columns};
  };
  Blocks best = blocks(least, 1);
  if (workers == 1 || products * p.rows * p.columns * p.depth <= inline_work) return best;
  double least_time = std::numeric_limits<double>::infinity();
  for (std::int64_t row_blocks = least; row_blocks <= least + 4 * workers; ++row_blocks) {
    for (std::int64_t per_worker = 1; per_worker <= 4; ++per_worker) {
      const Blocks cut = blocks(row_blocks, std::max<std::int64_t>(1, per_worker * workers / row_blocks));
      const std::int64_t rounds = blocks_of(products * cut.row_blocks * cut.column_blocks, workers);
      const double sides = static_cast<double>(cut.rows + cut.columns), area = static_cast<double>(cut.rows * cut.columns);
      const double time = static_cast<double>(rounds) * ((area + 8 * sides) * static_cast<double>(p.depth) + 100000);
      if (time < least_time) {
        least_time = time;
        best = cut;
      }
    }
  }
  return best;
}

// Computes blocks of C, each with all of its depth, in scratch space that serves one block after the other.
// Per block of the depth, A is packed into panels (or read in place where few strips use it); then for each strip of
// columns B is packed into one panel, which stays in the nearest cache while all rows are multiplied with it.
// Strips whose last vector is partial, and all strips of a transposed product, are computed aside and moved at the end.
template <class T>
class BlockProduct {
 public:
  BlockProduct(const Product<T>& product, const Blocks& blocks)
      : p_(product),
        width_(kernels_.lanes * (product.rows == 1 ? kernels_.single_row_vectors : kernels_.vectors)),
        depth_(std::min(product.depth, depth_block)),
        pack_a_(depth_ == 0 || blocks.columns > 2 * width_ ||
                (product.a.row_stride != 1 && product.a.column_stride > std::numeric_limits<std::int32_t>::max() / depth_)),
        pack_b_(product.b.column_stride != 1 || blocks.rows > 4 * kernels_.tile_rows),
        a_panels_(pack_a_ ? round_up(blocks.rows, kernels_.tile_rows) * depth_ : 0),
        a_row_(pack_a_ ? 0 : blocks.rows),
        a_depth_(pack_a_ ? 0 : depth_),
        b_panel_(width_ * depth_),
        aside_(blocks.rows * (product.transposed ? round_up(blocks.columns, kernels_.lanes) : width_)),
        column_bias_(product.epilogue.column_bias != nullptr ? round_up(blocks.columns, width_) : 0) {
    if (!pack_a_) {
      for (std::int64_t i = 0; i < blocks.rows; ++i) a_row_[i] = i * p_.a.row_stride;
      for (std::int64_t k = 0; k < depth_; ++k) a_depth_[k] = static_cast<std::int32_t>(k * p_.a.column_stride);
    }
  }

  // The block of rows [row, row + rows) and columns [column, column + columns) of the product of `a` and `b`.
  void operator()(const T* a, const T* b, T* c, std::int64_t row, std::int64_t rows, std::int64_t column,
                  std::int64_t columns) {
    a += row * p_.a.row_stride;
    b += column * p_.b.column_stride;
    c += p_.transposed ? column * p_.c_row_stride + row : row * p_.c_row_stride + column;
    const bool partial = columns % kernels_.lanes != 0;
    first_aside_ = p_.transposed ? 0 : partial ? (columns - 1) / width_ * width_ : columns;
    aside_width_ = round_up(columns - first_aside_, kernels_.lanes);
    if (p_.epilogue.column_bias != nullptr) {
      std::copy_n(p_.epilogue.column_bias + column, columns, column_bias_.data());
      std::fill(column_bias_.data() + columns, column_bias_.data() + round_up(columns, kernels_.lanes), T(0));
    }
    std::int64_t k = 0;
    do {
      multiply_depth_block(a + k * p_.a.column_stride, b + k * p_.b.row_stride, c, row, rows, columns, k);
      k += depth_block;
    } while (k < p_.depth);
    move_from_aside(c, rows, columns);
  }

 private:
  void multiply_depth_block(const T* a, const T* b, T* c, std::int64_t row, std::int64_t rows, std::int64_t columns,
                            std::int64_t k) {
    Strip<T> strip;
    strip.rows = rows;
    strip.depth = std::min(depth_block, p_.depth - k);
    strip.add = k > 0;
    const bool last = k + strip.depth == p_.depth;
    if (last && p_.epilogue.row_bias != nullptr) strip.row_bias = p_.epilogue.row_bias + row;
    place_a(strip, a);
    for (std::int64_t j = 0; j < columns; j += width_) {
      const std::int64_t count = std::min(width_, columns - j);
      strip.vectors = static_cast<int>(blocks_of(count, kernels_.lanes));
      if (last && p_.epilogue.column_bias != nullptr) strip.column_bias = column_bias_.data() + j;
      place_b(strip, b + j * p_.b.column_stride, count);
      const bool aside = j >= first_aside_;
      strip.c = aside ? aside_.data() + j - first_aside_ : c + j;
      strip.c_step = aside ? aside_width_ : p_.c_row_stride;
      for (int v = 0; v < strip.vectors; ++v) strip.c_vector[v] = v * kernels_.lanes;
      kernels_.contract(strip);
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

  void place_b(Strip<T>& strip, const T* b, std::int64_t count) {
    const std::int64_t width = strip.vectors * kernels_.lanes;
    if (pack_b_ || count < width) {
      pack_panel(width, count, strip.depth, b, p_.b.column_stride, p_.b.row_stride, b_panel_.data());
      strip.b = b_panel_.data();
      strip.b_step = width;
    } else {
      strip.b = b;
      strip.b_step = p_.b.row_stride;
    }
  }

  void move_from_aside(T* c, std::int64_t rows, std::int64_t columns) {
    if (p_.transposed) {
      transpose(rows, columns, aside_.data(), aside_width_, c, p_.c_row_stride);
    } else if (first_aside_ < columns) {
      for (std::int64_t i = 0; i < rows; ++i) {
        std::copy_n(aside_.data() + i * aside_width_, columns - first_aside_, c + i * p_.c_row_stride + first_aside_);
      }
    }
  }

  const Contraction<T>& kernels_ = contraction<T>();
  const Product<T> p_;
  const std::int64_t width_, depth_;  // of a strip, and of a block of the depth
  const bool pack_a_, pack_b_;
  Scratch<T> a_panels_;
  Scratch<std::int64_t> a_row_;
  Scratch<std::int32_t> a_depth_;
  Scratch<T> b_panel_, aside_, column_bias_;
  std::int64_t first_aside_ = 0, aside_width_ = 0;  // the columns that are computed aside, and the length of their rows
};

// Both operands lie along the depth and C has so few rows that transposing B would cost more than the product.
template <class T>
bool made_of_dots(const Product<T>& p) {
  return p.rows <= 4 && p.depth >= dots_depth && p.a.column_stride == 1 && p.b.row_stride == 1;
}

template <class T>
void multiply_by_dots(const Product<T>& p, const T* a, const T* b, T* c, std::int64_t first, std::int64_t columns) {
  const std::int64_t c_row = p.transposed ? 1 : p.c_row_stride, c_column = p.transposed ? p.c_row_stride : 1;
  c += first * c_column;
  contraction<T>().dots({.rows = p.rows, .columns = columns, .depth = p.depth, .a = a, .a_row = p.a.row_stride,
                         .b = b + first * p.b.column_stride, .b_row = p.b.column_stride, .c = c, .c_row = c_row,
                         .c_column = c_column});
  for (std::int64_t m = 0; m < p.rows; ++m) {
    for (std::int64_t n = 0; n < columns; ++n) {
      T& y = c[m * c_row + n * c_column];
      if (p.epilogue.row_bias != nullptr) y += p.epilogue.row_bias[m];
      if (p.epilogue.column_bias != nullptr) y += p.epilogue.column_bias[first + n];
    }
  }
}

}  // namespace

template <class T>
void gemm(std::int64_t rows, std::int64_t columns, std::int64_t depth, Matrix<T> a, Matrix<T> b, T* c,
          std::int64_t c_row_stride, const Epilogue<T>& epilogue, const Batch& batch) {
  if (rows == 0 || columns == 0) return;
  const std::int64_t products = std::max<std::int64_t>({1, std::ssize(batch.a), std::ssize(batch.b)});
  const auto a_of = [&](std::int64_t i) { return a.data + (batch.a.empty() ? 0 : batch.a[static_cast<std::size_t>(i)]); };
  const auto b_of = [&](std::int64_t i) { return b.data + (batch.b.empty() ? 0 : batch.b[static_cast<std::size_t>(i)]); };
  Product<T> product{rows, columns, depth, a, b, c, c_row_stride, epilogue};
  const bool dots_as_given = made_of_dots(product), dots = dots_as_given || made_of_dots(exchanged(product));
  if (dots ? !dots_as_given : better_exchanged(product)) product = exchanged(product);
  const auto first_of = [&](std::int64_t i) { return product.transposed ? b_of(i) : a_of(i); };
  const auto second_of = [&](std::int64_t i) { return product.transposed ? a_of(i) : b_of(i); };

  if (dots) {
    const std::int64_t grain = blocks_of(inline_work, product.rows * depth), per = std::min(grain, product.columns);
    const std::int64_t pieces = blocks_of(product.columns, per);
    parallel(products * pieces, blocks_of(grain, per), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t item = begin; item < end; ++item) {
        const std::int64_t i = item / pieces, first = item % pieces * per;
        multiply_by_dots(product, first_of(i), second_of(i), c + i * batch.c_stride, first,
                         std::min(per, product.columns - first));
      }
    });
    return;
  }

  const Blocks blocks = cut_into_blocks(product, products);
  const std::int64_t per_product = blocks.row_blocks * blocks.column_blocks;
  const std::int64_t grain = blocks_of(inline_work, std::max<std::int64_t>(1, rows * columns * depth / per_product));
  parallel(products * per_product, grain, [&](std::int64_t begin, std::int64_t end) {
    BlockProduct<T> multiply(product, blocks);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t i = item / per_product, block = item % per_product;
      const std::int64_t row = block % blocks.row_blocks * blocks.rows;
      const std::int64_t column = block / blocks.row_blocks * blocks.columns;
      multiply(first_of(i), second_of(i), c + i * batch.c_stride, row, std::min(blocks.rows, product.rows - row), column,
               std::min(blocks.columns, product.columns - column));
    }
  });
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, Matrix<float>, Matrix<float>, float*, std::int64_t,
                   const Epilogue<float>&, const Batch&);
template void gemm(std::int64_t, std::int64_t, std::int64_t, Matrix<double>, Matrix<double>, double*, std::int64_t,
                   const Epilogue<double>&, const Batch&);

}  // namespace ravel::kernels
