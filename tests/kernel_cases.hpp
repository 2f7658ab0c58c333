// What the tests of the contraction kernels share: numbers without a pattern, a judge of sums, the shapes to try.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/conv.hpp"

namespace ravel::testing {

// Numbers from -1 to 1.
template <class T>
std::vector<T> random_numbers(std::int64_t count, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<T> numbers(static_cast<std::size_t>(count));
  for (T& x : numbers) x = static_cast<T>(static_cast<double>(generator()) / 2147483648.0 - 1.0);
  return numbers;
}

// A sum of products in more precision than any kernel has, and the sum of its absolute values.
struct ExactSum {
  long double value = 0, magnitude = 0;
  std::int64_t terms = 0;

  void add(long double x) {
    value += x;
    magnitude += std::abs(x);
    ++terms;
  }
  // Does y agree but for roundings? Their standard deviation grows with the square root of the number of terms; `fixed`
  // ones are there for any number.
  template <class T>
  bool agrees(T y, int fixed = 2) const {
    const long double roundings = fixed + std::sqrt(static_cast<long double>(terms));
    return std::abs(value - static_cast<long double>(y)) <= roundings * std::numeric_limits<T>::epsilon() * magnitude;
  }
};

// FNV-1a over the bytes of `values`, continued from `hash`.
template <class T>
std::uint64_t hash_of(std::span<const T> values, std::uint64_t hash = 14695981039346656037u) {
  for (const std::byte byte : std::as_bytes(values)) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 1099511628211u;
  return hash;
}

// The bits of what `compute` returns must be the same on 1, 2, 3 and 8 threads.
template <class F>
bool same_on_all_threads(const F& compute) {
  const int before = threads();
  set_threads(1);
  const auto expected = compute();
  bool same = true;
  for (const int count : {2, 3, 8}) {
    set_threads(count);
    const auto got = compute();
    same = same && std::ranges::equal(std::as_bytes(std::span(got)), std::as_bytes(std::span(expected)));
  }
  set_threads(before);
  return same;
}

using kernels::ConvShape;

// Draws whole numbers. Draw one per statement or between braces: the order in which a call's arguments are evaluated
// differs from compiler to compiler.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : generator_(seed) {}
  std::int64_t operator()(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(generator_() % static_cast<std::uint32_t>(to - from + 1));
  }

 private:
  std::mt19937 generator_;
};

// A shape with as much output as the formula allows, less `cut`.
inline ConvShape conv_shape(std::int64_t batch, std::int64_t groups, std::int64_t in_channels,
                            std::int64_t out_channels, std::array<std::int64_t, 2> in,
                            std::array<std::int64_t, 2> kernel, std::array<std::int64_t, 2> stride = {1, 1},
                            std::array<std::int64_t, 2> padding = {0, 0}, std::array<std::int64_t, 2> dilation = {1, 1},
                            std::int64_t cut = 0) {
  ConvShape shape{batch, groups, in_channels, out_channels, in, kernel, {}, stride, padding, dilation};
  for (std::size_t d = 0; d < 2; ++d) {
    const std::int64_t room = in[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
    shape.out[d] = room < 0 ? 0 : std::max<std::int64_t>(0, room / stride[d] + 1 - cut);
  }
  return shape;
}

inline std::string describe(const ConvShape& s) {
  const auto pair = [](const std::array<std::int64_t, 2>& p) {
    return std::to_string(p[0]) + "x" + std::to_string(p[1]);
  };
  return "batch " + std::to_string(s.batch) + ", groups " + std::to_string(s.groups) + ", channels " +
         std::to_string(s.in_channels) + " -> " + std::to_string(s.out_channels) + ", in " + pair(s.in) + ", kernel " +
         pair(s.kernel) + ", out " + pair(s.out) + ", stride " + pair(s.stride) + ", padding " + pair(s.padding) +
         ", dilation " + pair(s.dilation);
}

inline std::int64_t input_size(const ConvShape& s) { return s.batch * s.groups * s.in_channels * s.in[0] * s.in[1]; }
inline std::int64_t output_size(const ConvShape& s) {
  return s.batch * s.groups * s.out_channels * s.out[0] * s.out[1];
}
inline std::int64_t weight_size(const ConvShape& s) {
  return s.groups * s.out_channels * s.in_channels * s.kernel[0] * s.kernel[1];
}

// Calls body(x index, w index, y index) for every product of the definition.
template <class Body>
void for_each_product(const ConvShape& s, const Body& body) {
  const std::int64_t filter = s.kernel[0] * s.kernel[1], outputs = s.groups * s.out_channels;
  for (std::int64_t y = 0; y < output_size(s); ++y) {
    const std::int64_t j = y % s.out[1], i = y / s.out[1] % s.out[0], o = y / s.out[1] / s.out[0] % outputs;
    const std::int64_t n = y / s.out[1] / s.out[0] / outputs, g = o / s.out_channels;
    for (std::int64_t tap = 0; tap < s.in_channels * filter; ++tap) {
      const std::int64_t c = tap / filter, p = tap % filter / s.kernel[1], q = tap % s.kernel[1];
      const std::int64_t row = i * s.stride[0] + p * s.dilation[0] - s.padding[0];
      const std::int64_t column = j * s.stride[1] + q * s.dilation[1] - s.padding[1];
      if (row < 0 || row >= s.in[0] || column < 0 || column >= s.in[1]) continue;
      const std::int64_t channel = (n * s.groups + g) * s.in_channels + c;
      body((channel * s.in[0] + row) * s.in[1] + column, o * s.in_channels * filter + tap, y);
    }
  }
}

// Stride and dilation 1.
inline std::vector<ConvShape> dense_shapes() {
  return {
      conv_shape(2, 1, 3, 5, {7, 9}, {3, 3}),
      conv_shape(2, 1, 3, 5, {7, 9}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(3, 1, 16, 32, {8, 8}, {3, 3}, {1, 1}, {1, 1}),    // narrow rows
      conv_shape(1, 1, 20, 48, {16, 32}, {3, 3}, {1, 1}, {1, 1}),  // whole vectors
      conv_shape(2, 1, 4, 9, {33, 37}, {3, 3}, {1, 1}, {1, 1}),    // rows that are no multiple of a vector
      conv_shape(2, 3, 2, 5, {9, 9}, {3, 3}, {1, 1}, {1, 1}),      // groups
      conv_shape(3, 1, 17, 33, {6, 10}, {1, 1}),                   // 1x1
      conv_shape(3, 1, 17, 33, {4, 32}, {1, 1}),                   // 1x1 with whole vectors
      conv_shape(2, 2, 9, 7, {5, 47}, {1, 1}),
      conv_shape(3, 1, 300, 40, {3, 7}, {1, 1}),  // 1x1 with chains in several blocks
      conv_shape(2, 1, 40, 300, {5, 9}, {1, 1}),  // the same for the input gradient
      conv_shape(23, 1, 60, 40, {3, 3}, {1, 1}),  // 1x1 on small images, whose pixels share a matrix
      conv_shape(7, 1, 40, 10, {1, 2}, {1, 1}),
      conv_shape(90, 1, 20, 1500, {1, 2}, {1, 1}),  // more of them than one matrix holds
      conv_shape(64, 1, 32, 512, {2, 4}, {1, 1}),   // the same with one image more than that
      conv_shape(64, 1, 64, 1024, {2, 2}, {1, 1}),
      conv_shape(2, 1, 64, 512, {2, 2}, {1, 1}),  // so few rows that their product would be made of dots
      conv_shape(5, 1, 40, 50, {1, 1}, {1, 1}),   // 1x1 on one pixel
      conv_shape(70, 1, 40, 50, {1, 1}, {1, 1}),
      conv_shape(2, 1, 6, 10, {6, 9}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1),  // 1x1 with less output than there could be
      conv_shape(4, 1, 1, 32, {28, 28}, {3, 3}),                           // first layers
      conv_shape(2, 1, 3, 32, {32, 32}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(5, 1, 6, 16, {14, 14}, {5, 5}),
      conv_shape(3, 1, 1, 8, {1, 101}, {1, 3}),  // 1-d
      conv_shape(2, 1, 12, 20, {1, 64}, {1, 5}, {1, 1}, {0, 2}),
      conv_shape(1, 2, 3, 70, {4, 5}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(9, 1, 2, 3, {4, 4}, {4, 4}),                              // one pixel
      conv_shape(2, 1, 2, 3, {2, 3}, {3, 3}, {1, 1}, {4, 4}),              // padding beyond the kernel
      conv_shape(2, 1, 3, 4, {9, 11}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 2),  // less output than there could be
      conv_shape(40, 1, 2, 3, {5, 5}, {3, 3}),                             // more images than chunks
      conv_shape(1, 1, 300, 20, {5, 6}, {3, 3}, {1, 1}, {1, 1}),           // many channels
  };
}

// Single rows of more pixels than half a chain.
inline std::vector<ConvShape> row_shapes() {
  const auto row = [](std::int64_t batch, std::int64_t groups, std::int64_t in_channels, std::int64_t out_channels,
                      std::int64_t length, std::int64_t kernel, std::int64_t padding, std::int64_t cut = 0) {
    ConvShape shape =
        conv_shape(batch, groups, in_channels, out_channels, {1, length}, {1, kernel}, {1, 1}, {0, padding});
    shape.out[1] -= cut;
    return shape;
  };
  return {
      row(3, 1, 16, 16, 140, 5, 2),     // two chains, the second one short
      row(2, 2, 24, 8, 300, 3, 0),      // without padding
      row(19, 2, 16, 16, 140, 5, 2),    // more images than chunks
      row(17, 1, 7, 9, 129, 7, 6),      // on AVX2 by rows, on AVX-512 by tiles: the same bits
      row(1, 3, 33, 17, 257, 1, 0),     // one tap
      row(2, 1, 64, 64, 256, 5, 2),     // long chains
      row(2, 1, 64, 64, 256, 5, 2, 9),  // y ends before x does
  };
}

// Strides and dilations beyond 1.
inline std::vector<ConvShape> strided_shapes() {
  return {
      conv_shape(2, 1, 5, 7, {11, 13}, {3, 2}, {2, 2}, {1, 1}),
      conv_shape(2, 1, 5, 7, {11, 13}, {3, 5}, {2, 3}, {2, 0}),  // a stride for each axis
      conv_shape(1, 1, 3, 4, {17, 15}, {2, 1}, {3, 4}, {0, 1}),  // a stride beyond the kernel: gaps
      conv_shape(2, 1, 3, 4, {12, 12}, {3, 3}, {1, 1}, {2, 2}, {2, 2}),
      conv_shape(1, 1, 3, 4, {14, 19}, {3, 3}, {2, 2}, {3, 1}, {3, 2}),
      conv_shape(3, 1, 8, 6, {9, 9}, {1, 1}, {2, 2}),
      conv_shape(2, 1, 9, 20, {5, 64}, {1, 1}, {2, 2}),          // gradients in every second column
      conv_shape(2, 1, 9, 20, {5, 64}, {3, 3}, {2, 2}, {1, 1}),  // strides with rows of whole vectors
      conv_shape(2, 1, 9, 20, {5, 62}, {3, 3}, {2, 2}, {1, 1}),
      conv_shape(2, 1, 33, 20, {6, 37}, {3, 3}, {2, 2}, {1, 1}),
      conv_shape(2, 1, 9, 20, {5, 96}, {3, 3}, {2, 3}, {1, 1}),  // gradients in every third column
      conv_shape(2, 1, 12, 20, {1, 65}, {1, 5}, {1, 2}, {0, 2}),
      conv_shape(2, 1, 3, 4, {12, 17}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 3),
  };
}

// Groups of one channel.
inline std::vector<ConvShape> depthwise_shapes() {
  return {
      conv_shape(2, 6, 1, 1, {20, 21}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(2, 5, 1, 1, {13, 40}, {5, 5}, {2, 2}, {2, 2}),
      conv_shape(1, 5, 1, 1, {19, 37}, {5, 5}, {1, 1}, {2, 2}),  // fewer channels than 8 threads
      conv_shape(1, 6, 1, 1, {21, 40}, {7, 7}, {1, 1}, {3, 3}),
      conv_shape(1, 5, 1, 1, {18, 33}, {3, 3}, {2, 2}, {1, 1}),
      conv_shape(2, 9, 1, 1, {21, 61}, {7, 7}, {1, 1}, {3, 3}),
      conv_shape(2, 9, 1, 1, {30, 45}, {5, 5}, {1, 1}, {2, 2}),
      conv_shape(2, 5, 1, 1, {32, 35}, {3, 3}, {2, 2}, {1, 1}),
      conv_shape(1, 9, 1, 1, {19, 48}, {3, 3}, {1, 1}, {2, 3}, {2, 3}),
      conv_shape(1, 9, 1, 1, {17, 23}, {3, 4}, {3, 3}, {1, 2}, {2, 1}),
      conv_shape(3, 8, 1, 1, {1, 51}, {1, 5}, {1, 2}, {0, 2}),
      conv_shape(3, 8, 1, 1, {7, 7}, {1, 2}, {2, 3}),            // strides beyond the kernel
      conv_shape(2, 4, 1, 3, {10, 10}, {3, 3}, {1, 1}, {1, 1}),  // depthwise with a multiplier
  };
}

// 3x3 filters in enough channels for Winograd tiles.
inline std::vector<ConvShape> winograd_shapes() {
  return {
      conv_shape(2, 1, 16, 16, {9, 11}, {3, 3}),
      conv_shape(2, 1, 16, 17, {9, 11}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(1, 1, 17, 24, {15, 18}, {3, 3}, {1, 1}, {2, 2}),
      conv_shape(2, 1, 32, 20, {12, 7}, {3, 3}, {1, 1}, {3, 3}),  // padding beyond the filter: outputs of no products
      conv_shape(1, 1, 33, 70, {13, 18}, {3, 3}, {1, 1}, {1, 0}),
      conv_shape(3, 2, 16, 18, {7, 7}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(2, 1, 64, 64, {6, 6}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(5, 1, 70, 64, {5, 6}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(19, 1, 24, 32, {4, 4}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(1, 1, 18, 19, {3, 170}, {3, 3}, {1, 1}, {1, 1}),             // rows of more tiles than a band has
      conv_shape(3, 1, 20, 20, {16, 17}, {3, 3}, {1, 1}, {2, 1}, {1, 1}, 2),  // less output than there could be
      conv_shape(65, 1, 16, 16, {8, 8}, {3, 3}, {1, 1}, {1, 1}),              // the smaller chunk has the larger bands
      conv_shape(22, 1, 16, 16, {4, 4}, {3, 3}, {1, 1}, {1, 1}),
      conv_shape(7, 1, 16, 16, {4, 8}, {3, 3}, {1, 1}, {1, 1}),
  };
}

// Without images, outputs or channels.
inline std::vector<ConvShape> empty_shapes() {
  return {
      conv_shape(0, 1, 2, 3, {5, 5}, {3, 3}), conv_shape(2, 1, 2, 3, {2, 2}, {3, 3}),
      conv_shape(2, 1, 0, 3, {5, 5}, {3, 3}), conv_shape(0, 1, 2, 3, {5, 5}, {1, 1}),
      conv_shape(2, 1, 0, 3, {5, 5}, {1, 1}), conv_shape(2, 1, 2, 0, {5, 5}, {1, 1}),
      conv_shape(2, 1, 0, 3, {1, 1}, {1, 1}),
  };
}

inline std::vector<ConvShape> random_shapes() {
  std::vector<ConvShape> shapes;
  Dice dice(7);
  for (int i = 0; i < 150; ++i) {
    const std::array<std::int64_t, 2> batch_and_groups = {dice(1, 4), dice(1, 3)}, channels = {dice(1, 9), dice(1, 40)},
                                      in = {dice(1, 12), dice(1, 40)}, kernel = {dice(1, 4), dice(1, 5)},
                                      stride = {dice(1, 3), dice(1, 3)}, padding = {dice(0, 3), dice(0, 3)},
                                      dilation = {dice(1, 2), dice(1, 3)};
    const std::int64_t cut = dice(0, 1);
    shapes.push_back(conv_shape(batch_and_groups[0], batch_and_groups[1], channels[0], channels[1], in, kernel, stride,
                                padding, dilation, cut));
  }
  return shapes;
}

// Shapes for every path through the kernels.
inline std::vector<ConvShape> conv_shapes() {
  std::vector<ConvShape> all;
  for (const auto& some : {dense_shapes(), row_shapes(), strided_shapes(), depthwise_shapes(), winograd_shapes(),
                           empty_shapes(), random_shapes()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace ravel::testing
