// The usual pooling: windows of 2x2, or of 1x2 over single rows, that tile their planes. Each element lies in one
// window, or in none at the far edges.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

namespace ravel::kernels {

// The windows of one plane.
struct PairWindows {
  template <int rows>
  using Rows = std::integral_constant<int, rows>;

  std::int64_t height;  // of a window: 1 or 2
  std::array<std::int64_t, 2> in, out;

  bool tile_all() const { return in[0] == height * out[0] && in[1] == 2 * out[1]; }

  // Calls body(rows, count, x, y) for rows of windows, all at once where nothing lies between them: the rows of a
  // window as a constant, so many windows, the first element of the first one, and its number. A lower row is in[1]
  // elements further.
  template <class Body>
  void for_each_run(const Body& body) const {
    if (height == 2) {
      for (std::int64_t i = 0; i < out[0]; ++i) body(Rows<2>(), out[1], 2 * i * in[1], i * out[1]);
    } else if (tile_all()) {
      body(Rows<1>(), out[0] * out[1], std::int64_t{0}, std::int64_t{0});
    } else {
      for (std::int64_t i = 0; i < out[0]; ++i) body(Rows<1>(), out[1], i * in[1], i * out[1]);
    }
  }

  // Makes zeros of the elements that lie in no window.
  template <class T>
  void clear_others(T* x) const {
    if (tile_all()) return;
    for (std::int64_t i = 0; i < height * out[0]; ++i) std::fill(x + i * in[1] + 2 * out[1], x + (i + 1) * in[1], T(0));
    std::fill(x + height * out[0] * in[1], x + in[0] * in[1], T(0));
  }
};

}  // namespace ravel::kernels
