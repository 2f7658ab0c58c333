// Matrix products against sums written out from the definition.
#include "ravel/ops/kernels/gemm.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "catch.hpp"
#include "kernel_cases.hpp"

namespace ravel::testing {
namespace {

using kernels::Batch;
using kernels::Epilogue;
using kernels::Matrix;

struct GemmCase {
  std::int64_t rows, columns, depth;
  bool a_transposed = false, b_transposed = false;
  std::int64_t gap = 0;   // elements between the end of a row and the start of the next, in all matrices
  std::int64_t step = 1;  // distance of neighbours within a row, in A and B
};

std::string describe(const GemmCase& s) {
  return std::to_string(s.rows) + " x " + std::to_string(s.columns) + " x " + std::to_string(s.depth) +
         (s.a_transposed ? " t" : " n") + (s.b_transposed ? "t" : "n") + ", gap " + std::to_string(s.gap) + ", step " +
         std::to_string(s.step);
}

// A random matrix (rows, columns), stored by rows or, transposed, by columns, one element off any alignment.
template <class T>
struct Stored {
  Stored(std::int64_t rows, std::int64_t columns, bool transposed, const GemmCase& s, std::uint32_t seed)
      : pitch((transposed ? rows : columns) * s.step + s.gap),
        numbers(random_numbers<T>(pitch * (transposed ? columns : rows) + 1, seed)),
        matrix{numbers.data() + 1, transposed ? s.step : pitch, transposed ? pitch : s.step} {}
  T operator()(std::int64_t i, std::int64_t j) const {
    return matrix.data[i * matrix.row_stride + j * matrix.column_stride];
  }
  std::int64_t pitch;
  std::vector<T> numbers;
  Matrix<T> matrix;
};

template <class T>
struct Operands {
  explicit Operands(const GemmCase& s)
      : a(s.rows, s.depth, s.a_transposed, s, 1),
        b(s.depth, s.columns, s.b_transposed, s, 2),
        row_bias(random_numbers<T>(s.rows, 3)),
        column_bias(random_numbers<T>(s.columns, 4)) {}
  Stored<T> a, b;
  std::vector<T> row_bias, column_bias;
};

constexpr int untouched = 77;

template <class T>
std::vector<T> product(const GemmCase& s, const Operands<T>& in, bool row_bias, bool column_bias, bool relu = false) {
  std::vector<T> c(static_cast<std::size_t>(s.rows * (s.columns + s.gap)), T(untouched));
  kernels::gemm<T>(s.rows, s.columns, s.depth, in.a.matrix, in.b.matrix, c.data(), s.columns + s.gap,
                   {row_bias ? in.row_bias.data() : nullptr, column_bias ? in.column_bias.data() : nullptr, relu});
  return c;
}

template <class T>
void compare_with_definition(const GemmCase& s) {
  INFO(describe(s));
  const Operands<T> in(s);
  for (const bool row_bias : {false, true}) {
    for (const bool column_bias : {false, true}) {
      if (row_bias && column_bias) continue;
      const std::vector<T> c = product(s, in, row_bias, column_bias);
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < s.rows; ++i) {
        for (std::int64_t j = 0; j < s.columns + s.gap; ++j) {
          const T got = c[static_cast<std::size_t>(i * (s.columns + s.gap) + j)];
          if (j >= s.columns) {
            wrong += got == T(untouched) ? 0 : 1;
            continue;
          }
          ExactSum sum;
          for (std::int64_t k = 0; k < s.depth; ++k) sum.add(static_cast<long double>(in.a(i, k)) * in.b(k, j));
          if (row_bias) sum.add(in.row_bias[static_cast<std::size_t>(i)]);
          if (column_bias) sum.add(in.column_bias[static_cast<std::size_t>(j)]);
          wrong += sum.agrees(got) ? 0 : 1;
        }
      }
      CHECK(wrong == 0);
    }
  }
}

// relu in the epilogue must be relu after the product, bit for bit, and leave what lies between the rows.
template <class T>
void compare_with_relu_after(const GemmCase& s) {
  INFO(describe(s));
  Operands<T> in(s);
  in.a.numbers[in.a.numbers.size() / 2] = std::numeric_limits<T>::quiet_NaN();
  for (const auto& [row_bias, column_bias] : {std::pair(false, false), {true, false}, {false, true}}) {
    std::vector<T> expected = product(s, in, row_bias, column_bias);
    for (T& y : expected) y = y < 0 ? 0 : y;
    const std::vector<T> got = product(s, in, row_bias, column_bias, true);
    CHECK(std::memcmp(got.data(), expected.data(), got.size() * sizeof(T)) == 0);
  }
}

std::vector<GemmCase> gemm_cases() {
  std::vector<GemmCase> cases;
  const std::int64_t sizes[][3] = {{1, 1, 1},   {1, 10, 64},   {10, 1, 100},  {1, 300, 33}, {4, 70, 40},
                                   {3, 5, 7},   {8, 48, 16},   {9, 49, 17},   {16, 96, 5},  {50, 10, 30},
                                   {33, 3, 70}, {70, 100, 1},  {64, 64, 300}, {5, 7, 0},    {1, 130, 2},
                                   {130, 1, 2}, {37, 41, 820}, {400, 20, 9},  {20, 800, 9}, {100, 97, 31}};
  for (const auto& [rows, columns, depth] : sizes) {
    for (const bool a : {false, true}) {
      for (const bool b : {false, true}) {
        cases.push_back({rows, columns, depth, a, b});
        cases.push_back({rows, columns, depth, a, b, 3});
        cases.push_back({rows, columns, depth, a, b, 1, 2});
      }
    }
  }
  return cases;
}

}  // namespace

TEST_CASE("gemm agrees with the definition", "[kernels]") {
  for (const GemmCase& s : gemm_cases()) {
    compare_with_definition<float>(s);
    compare_with_definition<double>(s);
  }
}

TEST_CASE("products of few rows, or of few columns, agree with the definition at depths around a vector", "[kernels]") {
  for (std::int64_t rows = 1; rows <= 9; ++rows) {
    for (const std::int64_t columns : {1, 4, 5, 11}) {
      for (const std::int64_t depth : {32, 33, 39, 40, 48, 63, 64, 65, 111}) {
        for (const GemmCase& s : {GemmCase{rows, columns, depth, false, true}, {columns, rows, depth, false, true}}) {
          compare_with_definition<float>(s);
          compare_with_definition<double>(s);
        }
      }
    }
  }
}

TEST_CASE("gemm agrees with the definition where several slabs of columns meet rows that are read in place",
          "[kernels]") {
  compare_with_definition<float>({260, 300, 421});
  compare_with_definition<float>({260, 300, 421, false, true});
}

TEST_CASE("relu in the epilogue of a product is relu after it, bit for bit", "[kernels]") {
  std::vector<GemmCase> cases = gemm_cases();
  cases.insert(cases.end(), {{260, 300, 421}, {260, 300, 421, false, true}, {5, 40, 64, false, true}});
  for (const GemmCase& s : cases) {
    compare_with_relu_after<float>(s);
    compare_with_relu_after<double>(s);
  }
}

TEST_CASE("gemm of nothing writes nothing", "[kernels]") {
  kernels::gemm<float>(0, 5, 3, {nullptr, 3, 1}, {nullptr, 5, 1}, nullptr, 5);
  kernels::gemm<float>(5, 0, 3, {nullptr, 3, 1}, {nullptr, 0, 1}, nullptr, 0);
}

TEST_CASE("gemm multiplies batches, broadcasting operands by equal offsets", "[kernels]") {
  const GemmCase size{6, 11, 40};
  const std::int64_t a_size = size.rows * size.depth, b_size = size.depth * size.columns,
                     c_size = size.rows * size.columns;
  const std::vector<float> a = random_numbers<float>(3 * a_size, 1), b = random_numbers<float>(3 * b_size, 2);
  const std::vector<std::int64_t> a_offsets = {a_size, 0, 2 * a_size, a_size}, b_offsets = {0, 0, 2 * b_size, b_size};
  const Matrix<float> left{a.data(), size.depth, 1}, right{b.data(), size.columns, 1};
  const auto same_as_single = [&](const Batch& batch) {
    std::vector<float> all(static_cast<std::size_t>(4 * c_size)), single(static_cast<std::size_t>(c_size));
    kernels::gemm<float>(size.rows, size.columns, size.depth, left, right, all.data(), size.columns, {}, batch);
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.count); ++i) {
      const Matrix<float> x{a.data() + (batch.a.empty() ? 0 : batch.a[i]), size.depth, 1};
      const Matrix<float> y{b.data() + (batch.b.empty() ? 0 : batch.b[i]), size.columns, 1};
      kernels::gemm<float>(size.rows, size.columns, size.depth, x, y, single.data(), size.columns);
      if (std::memcmp(single.data(), all.data() + static_cast<std::int64_t>(i) * c_size, single.size() * 4) != 0)
        return false;
    }
    return std::all_of(all.begin() + batch.count * c_size, all.end(), [](float y) { return y == 0; });
  };
  CHECK(same_as_single({4, a_offsets, b_offsets, c_size}));
  CHECK(same_as_single({4, a_offsets, {}, c_size}));
  CHECK(same_as_single({4, {}, b_offsets, c_size}));
  CHECK(same_as_single({4, {}, {}, c_size}));
  CHECK(same_as_single({0, {}, {}, c_size}));
  CHECK(error_of([&] { same_as_single({3, a_offsets, {}, c_size}); }) == "gemm: 4 and 0 offsets for 3 products");
}

TEST_CASE("gemm gives the same bits on any number of threads", "[kernels]") {
  std::vector<GemmCase> cases = gemm_cases();
  cases.push_back({500, 700, 600});
  cases.push_back({500, 500, 600});
  cases.push_back({500, 10, 600, false, true});
  cases.push_back({2, 900, 700, false, true});
  for (const GemmCase& s : cases) {
    INFO(describe(s));
    const Operands<float> in(s);
    CHECK(same_on_all_threads([&] { return product(s, in, false, true); }));
  }
}

}  // namespace ravel::testing
