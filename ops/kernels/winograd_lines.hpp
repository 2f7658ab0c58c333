// Winograd's minimal filtering F(m, 3): m outputs of a filter with three taps from m + 2 inputs with m + 2
// multiplications, where the definition takes 3 m.
//
//   y = A^T ((G g) * (B^T d))            d: m + 2 inputs, g: 3 taps, y: m outputs, * elementwise
//
// (Winograd, Arithmetic Complexity of Computations, 1980; the matrices are those of Lavin & Gray, Fast Algorithms for
// Convolutional Neural Networks, 2016, arXiv:1509.09308.) In two dimensions each matrix is applied to the columns of a
// tile and then to its rows. The three passes of a convolution are the same sum with another array left out:
//
//   output           Y  = A^T [sum over channels (G g G^T) * (B^T d B)] A
//   input gradient   the same over dY with the filters turned around and padding 2 - p
//   weight gradient  dg = G^T [sum over tiles (A dY A^T) * (B^T d B)] G
//
// The structs below multiply one line by one matrix: y[i * to] = sum over j of matrix(i, j) * x[j * from].
#pragma once

#include <cstdint>

namespace ravel::kernels {

template <int m>
struct Winograd;

//         1  0 -1  0             1    0    0
//   B^T = 0  1  1  0       G =  1/2  1/2  1/2      A^T = 1  1  1  0
//         0 -1  1  0            1/2 -1/2  1/2            0  1 -1 -1
//         0  1  0 -1             0    0    1
template <>
struct Winograd<2> {
  struct Input {  // B^T
    static constexpr int in = 4, out = 4;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from];
      y[0] = x0 - x2;
      y[to] = x1 + x2;
      y[2 * to] = x2 - x1;
      y[3 * to] = x1 - x3;
    }
  };
  struct Filter {  // G
    static constexpr int in = 3, out = 4;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from];
      y[0] = x0;
      y[to] = 0.5F * ((x0 + x2) + x1);
      y[2 * to] = 0.5F * ((x0 + x2) - x1);
      y[3 * to] = x2;
    }
  };
  struct Output {  // A^T
    static constexpr int in = 4, out = 2;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from];
      y[0] = x0 + (x1 + x2);
      y[to] = (x1 - x2) - x3;
    }
  };
  struct OutputGradient {  // A
    static constexpr int in = 2, out = 4;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from];
      y[0] = x0;
      y[to] = x0 + x1;
      y[2 * to] = x0 - x1;
      y[3 * to] = -x1;
    }
  };
  struct FilterGradient {  // G^T
    static constexpr int in = 4, out = 3;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from];
      y[0] = x0 + 0.5F * (x1 + x2);
      y[to] = 0.5F * (x1 - x2);
      y[2 * to] = 0.5F * (x1 + x2) + x3;
    }
  };
};

// Interpolation at the points 0, a, -a, b, -b and infinity, with a = 3/4 and b = 3/2: rounding errors are half of those
// of the paper's F(4, 3), which has a = 1 and b = 2. (On the choice of points: Barabasz et al., Error Analysis and
// Improving the Accuracy of Winograd Convolution for Deep Neural Networks, 2018, arXiv:1803.10986.) With
// aa = a a, bb = b b, n = 2 aa (aa - bb) and r = 2 bb (bb - aa):
//
//         aa bb    0    -aa-bb    0     1   0           1/(aa bb)   0    0
//           0   -a bb    -bb      a     1   0              1/n     a/n  aa/n            1   1    1    1    1    0
//   B^T =   0    a bb    -bb     -a     1   0       G =    1/n    -a/n  aa/n     A^T =  0   a   -a    b   -b    0
//           0   -b aa    -aa      b     1   0              1/r     b/r  bb/r            0  aa   aa   bb   bb    0
//           0    b aa    -aa     -b     1   0              1/r    -b/r  bb/r            0 a aa -a aa b bb -b bb 1
//           0   aa bb     0    -aa-bb   0   1               0       0    1
template <>
struct Winograd<4> {
  static constexpr float a = 0.75F, b = 2 * a, aa = a * a, bb = b * b;
  static constexpr float n = 2 * aa * (aa - bb), r = 2 * bb * (bb - aa);

  struct Input {  // B^T
    static constexpr int in = 6, out = 6;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from], x5 = x[5 * from];
      const float even_a = x4 - bb * x2, odd_a = x3 - bb * x1, even_b = x4 - aa * x2, odd_b = x3 - aa * x1;
      y[0] = even_a - aa * (x2 - bb * x0);
      y[to] = even_a + a * odd_a;
      y[2 * to] = even_a - a * odd_a;
      y[3 * to] = even_b + b * odd_b;
      y[4 * to] = even_b - b * odd_b;
      y[5 * to] = (x5 - bb * x3) - aa * odd_a;
    }
  };
  struct Filter {  // G
    static constexpr int in = 3, out = 6;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from];
      const float even_a = 1 / n * x0 + aa / n * x2, odd_a = a / n * x1;
      const float even_b = 1 / r * x0 + bb / r * x2, odd_b = b / r * x1;
      y[0] = 1 / (aa * bb) * x0;
      y[to] = even_a + odd_a;
      y[2 * to] = even_a - odd_a;
      y[3 * to] = even_b + odd_b;
      y[4 * to] = even_b - odd_b;
      y[5 * to] = x2;
    }
  };
  struct Output {  // A^T
    static constexpr int in = 6, out = 4;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from], x5 = x[5 * from];
      const float even_a = x1 + x2, odd_a = x1 - x2, even_b = x3 + x4, odd_b = x3 - x4;
      y[0] = x0 + even_a + even_b;
      y[to] = a * odd_a + b * odd_b;
      y[2 * to] = aa * even_a + bb * even_b;
      y[3 * to] = a * aa * odd_a + b * bb * odd_b + x5;
    }
  };
  struct OutputGradient {  // A
    static constexpr int in = 4, out = 6;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from];
      const float even_a = x0 + aa * x2, odd_a = a * (x1 + aa * x3);
      const float even_b = x0 + bb * x2, odd_b = b * (x1 + bb * x3);
      y[0] = x0;
      y[to] = even_a + odd_a;
      y[2 * to] = even_a - odd_a;
      y[3 * to] = even_b + odd_b;
      y[4 * to] = even_b - odd_b;
      y[5 * to] = x3;
    }
  };
  struct FilterGradient {  // G^T
    static constexpr int in = 6, out = 3;
    static void apply(const float* x, std::int64_t from, float* y, std::int64_t to) {
      const float x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from], x5 = x[5 * from];
      const float even_a = x1 + x2, odd_a = x1 - x2, even_b = x3 + x4, odd_b = x3 - x4;
      y[0] = 1 / (aa * bb) * x0 + (1 / n * even_a + 1 / r * even_b);
      y[to] = a / n * odd_a + b / r * odd_b;
      y[2 * to] = (aa / n * even_a + bb / r * even_b) + x5;
    }
  };
};

}  // namespace ravel::kernels
