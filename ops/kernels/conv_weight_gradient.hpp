// The weight gradient of a convolution:  dw[o, tap] = sum over images and pixels of dy[o, pixel] * planes[tap + pixel].
// The sum over a batch is cut into chunks of images; each chunk has a partial result of its own, and these are added in
// order.
#pragma once

#include <cstdint>

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// Parts into which the batch is cut. It follows from the shape alone: neither threads nor vectors may enter here.
std::int64_t image_chunks_of(const ConvShape& shape);

// Adds to the first of `chunks` arrays of `size` elements, which lie one behind the other, the others in order.
template <class T>
void add_chunks(std::int64_t chunks, std::int64_t size, T* partial);

// As a matrix product of taps and pixels with pixels and output channels, the channels being the lanes of vectors.
template <class T>
void weight_gradient_by_tiles(const ConvShape& shape, const T* x, const T* dy, T* dw);

// As dot products of channels of dy with taps, the pixels being the lanes: for few output channels in a group.
template <class T>
void weight_gradient_by_dots(const ConvShape& shape, const T* x, const T* dy, T* dw);

}  // namespace ravel::kernels
