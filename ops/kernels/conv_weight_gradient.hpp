// The weight gradient of a convolution:  dw[o, tap] = sum over images and pixels of dy[o, pixel] * planes[tap + pixel].
// The sum over a batch is cut into chunks of images; each chunk has a partial result of its own, and these are added in
// order.
#pragma once

#include <cstdint>

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// Parts into which the batch is cut. It follows from the shape alone: neither threads nor vectors may enter here.
std::int64_t image_chunks_of(const ConvShape& shape);

// Pixels whose products with dy are added in one chain: longer chains where more is read and written at their ends.
// Where an image has at most half as many, several images make up a chain.
std::int64_t pixels_of_chain(const ConvShape& shape);

// How the partial results of tiles are computed: one task per chunk, group and share of the channels, which are shared
// out where there are fewer chunks and groups than threads want.
struct GradientTasks {
  // `channels` are those that are shared out.
  GradientTasks(const ConvShape& shape, std::int64_t channels);

  struct Task {
    std::int64_t chunk, group, first, count;  // channels [first, first + count)
  };
  Task operator[](std::int64_t i) const;

  std::int64_t groups, channels, per_share, shares, count;
  std::int64_t grain;  // tasks that are worth a thread
};

// Adds to the first of `chunks` arrays of `size` elements, which lie one behind the other, the others in order.
template <class T>
void add_chunks(std::int64_t chunks, std::int64_t size, T* partial);

// As a matrix product of taps and pixels with pixels and output channels, the channels being the lanes of vectors.
template <class T>
void weight_gradient_by_tiles(const ConvShape& shape, const T* x, const T* dy, T* dw);

// The same for convolutions of a single row with stride and dilation 1, with x transposed instead of dy: the same bits
// in less time. is_row_gradient says whether a shape allows it, and whether it leaves fewer lanes idle.
template <class T>
bool is_row_gradient(const ConvShape& shape);
template <class T>
void weight_gradient_of_row(const ConvShape& shape, const T* x, const T* dy, T* dw);

// As dot products of channels of dy with taps, the pixels being the lanes: for few output channels in a group.
template <class T>
void weight_gradient_by_dots(const ConvShape& shape, const T* x, const T* dy, T* dw);

}  // namespace ravel::kernels
