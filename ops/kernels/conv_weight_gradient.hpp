// The weight gradient of a convolution:  dw[o, tap] = sum over images and pixels of dy[o, pixel] * planes[tap + pixel].
// The sum over a batch is cut into chunks of images; each chunk has a partial result of its own, and these are added in
// order.
#pragma once

#include <cstdint>

#include "ravel/ops/kernels/conv.hpp"

namespace ravel::kernels {

// The next three say where a sum is cut, which is part of the result: they follow from the shape alone, and neither
// threads nor vectors may enter. First, the parts into which the batch is cut.
std::int64_t image_chunks_of(const ConvShape& shape);

// Pixels whose products with dy are added in one chain: longer chains where more is read and written at their ends.
std::int64_t pixels_of_chain(const ConvShape& shape);

// Images that make up a chain together: more than one where each has at most half as many pixels as a chain.
std::int64_t images_of_chain(const ConvShape& shape);

// The tasks in which partial results are computed: one per chunk, group and share of the channels, which are shared out
// where there are fewer chunks and groups than threads want.
class GradientTasks {
 public:
  struct Task {
    std::int64_t chunk, group;
    std::int64_t first_channel, channels;
  };

  // `channels` are those that are shared out: of x or of dy.
  GradientTasks(const ConvShape& shape, std::int64_t channels);

  std::int64_t count() const;
  std::int64_t grain() const { return grain_; }  // tasks that are worth a thread
  Task operator[](std::int64_t i) const;         // 0 <= i < count()

 private:
  std::int64_t chunks_, groups_, channels_, per_share_, shares_, grain_;
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
