// The sizes of the blocks in which contractions are done. Those that say "bits" are part of the result: they fix where
// a sum is cut. They are constants, so that every processor and every number of threads adds in the same order. The
// tiny values are those of the preset `tiny`, in which small tests reach every boundary.
#pragma once

#include <cstdint>

namespace ravel::kernels {

#if defined(RAVEL_TINY_BLOCKS)
inline constexpr std::int64_t depth_unit = 2;           // bits: a cache line, with which a chain's steps begin and end
inline constexpr std::int64_t depth_block = 4;          // bits: the most steps of one chain in a matrix product ...
inline constexpr std::int64_t deep_block = 8;           // bits: ... and in a large one
inline constexpr std::int64_t large_product = 100;      // bits: elements of C that make a product large
inline constexpr std::int64_t packed_block = 28;        // elements of A that are packed at a time in a matrix product
inline constexpr std::int64_t column_block = 16;        // columns of B whose panels are kept for later rows ...
inline constexpr std::int64_t near_columns = 8;         // ... and if A is read in place, which costs nothing again
inline constexpr std::int64_t pixel_block = 5;          // bits: output pixels of one chain in a weight gradient ...
inline constexpr std::int64_t small_gradient = 200;     // bits: ... or twice as many, if it has more elements
inline constexpr std::int64_t image_chunks = 3;         // bits: parts into which a weight gradient cuts a batch
inline constexpr std::int64_t weight_block = 24;        // weights that are used together, in elements
inline constexpr std::int64_t pixel_rows = 3;           // pixels of one tile where channels are the lanes
inline constexpr std::int64_t inline_work = 16;         // multiply-adds that are worth a thread: the least share
inline constexpr std::int64_t partial_gradients = 400;  // bits: elements of all parts of a weight gradient together
inline constexpr std::int64_t dots_depth = 33;          // bits: the least depth for which products are made of dots ...
inline constexpr std::int64_t dots_rows = 4;            // bits: ... and the most rows or columns
inline constexpr std::int64_t winograd_band = 7;        // bits: tiles that are transformed and then multiplied together
inline constexpr std::int64_t winograd_chunk = 5;       // bits: the fewest tiles of one part of a weight gradient
inline constexpr std::int64_t winograd_tile_cost = 8;   // bits: of transforming a number of a tile, in multiply-adds
inline constexpr std::int64_t winograd_filter_cost = 0;  // bits: of transforming a number of a filter
#else
inline constexpr std::int64_t depth_unit = 16;
inline constexpr std::int64_t depth_block = 400;
inline constexpr std::int64_t deep_block = 1024;
inline constexpr std::int64_t large_product = 1 << 18;
inline constexpr std::int64_t packed_block = 96 << 10;
inline constexpr std::int64_t column_block = 1152;
inline constexpr std::int64_t near_columns = 288;
inline constexpr std::int64_t pixel_block = 128;
inline constexpr std::int64_t small_gradient = 1 << 13;
inline constexpr std::int64_t image_chunks = 16;
inline constexpr std::int64_t weight_block = 1 << 17;
inline constexpr std::int64_t pixel_rows = 64;
inline constexpr std::int64_t inline_work = 1 << 15;
inline constexpr std::int64_t partial_gradients = 1 << 22;
inline constexpr std::int64_t dots_depth = 32;
inline constexpr std::int64_t dots_rows = 8;
inline constexpr std::int64_t winograd_band = 32;
inline constexpr std::int64_t winograd_chunk = 128;
inline constexpr std::int64_t winograd_tile_cost = 18;
inline constexpr std::int64_t winograd_filter_cost = 10;
#endif

static_assert(depth_unit <= depth_block && depth_unit <= deep_block);

// How many blocks hold `count` elements, and how many elements these blocks have.
constexpr std::int64_t blocks_of(std::int64_t count, std::int64_t block) { return (count + block - 1) / block; }
constexpr std::int64_t round_up(std::int64_t count, std::int64_t block) { return blocks_of(count, block) * block; }

// The size of blocks that share `count` > 0 elements as evenly as possible, at most `most` each.
constexpr std::int64_t even_block(std::int64_t count, std::int64_t most) {
  return blocks_of(count, blocks_of(count, most));
}
// The same in whole units, at most `most` of them each.
constexpr std::int64_t even_width(std::int64_t count, std::int64_t unit, std::int64_t most) {
  return even_block(blocks_of(count, unit), most) * unit;
}

}  // namespace ravel::kernels
