#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

// The sum over k of a[i, k] b[k, j], in plain loops over vectors.
std::vector<double> plain_product(const std::vector<double>& a, const std::vector<double>& b, std::int64_t rows,
                                  std::int64_t depth, std::int64_t columns) {
  std::vector<double> y(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double& sum = y[static_cast<std::size_t>(i * columns + j)];
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += a[static_cast<std::size_t>(i * depth + k)] * b[static_cast<std::size_t>(k * columns + j)];
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("matmul: values of every combination of ranks", "[matmul]") {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}}, f32), v = tensor({1, 0, -1}, f32);
  CHECK(equal(matmul(m, v), tensor({-2, -2}, f32)));
  CHECK(equal(matmul(tensor({1, 2}, f32), m), tensor({9, 12, 15}, f32)));
  CHECK(equal(matmul(v, v), tensor(2, f32)));
  CHECK(matmul(v, v).shape() == Shape{});
  CHECK(equal(matmul(m, permute(m, {1, 0})), tensor({{14, 32}, {32, 77}}, f32)));
  CHECK(equal(matmul(permute(m, {1, 0}), m), tensor({{17, 22, 27}, {22, 29, 36}, {27, 36, 45}}, f32)));
  CHECK(equal(matmul(expand(tensor({{2}}, f32), {3, 2}), m), matmul(full({3, 2}, 2), m)));
}

TEST_CASE("matmul: leading dimensions broadcast, and shapes are PyTorch's", "[matmul]") {
  const auto shape_of = [](const Shape& a, const Shape& b) { return matmul(ones(a), ones(b)).shape(); };
  CHECK(shape_of({5, 1, 2, 3}, {4, 3, 6}) == Shape{5, 4, 2, 6});
  CHECK(shape_of({5, 4, 2, 3}, {3, 6}) == Shape{5, 4, 2, 6});
  CHECK(shape_of({2, 3}, {5, 4, 3, 6}) == Shape{5, 4, 2, 6});
  CHECK(shape_of({5, 2, 3}, {3}) == Shape{5, 2});
  CHECK(shape_of({3}, {5, 3, 6}) == Shape{5, 6});
  CHECK(shape_of({5, 2, 3}, {1, 1, 3, 6}) == Shape{1, 5, 2, 6});
}

TEST_CASE("matmul: each matrix of a batch gives what it gives alone", "[matmul]") {
  const Tensor a = randn({2, 1, 5, 7}, f64, random_key(1, "a", 0)), b = randn({3, 7, 4}, f64, random_key(1, "b", 0));
  const std::vector<double> a_values = a.to_vector<double>(), b_values = b.to_vector<double>();
  std::vector<double> expected;
  for (const std::ptrdiff_t i : {0, 1}) {
    for (const std::ptrdiff_t j : {0, 1, 2}) {
      const std::vector<double> one =
          plain_product({a_values.begin() + i * 35, a_values.begin() + (i + 1) * 35},
                        {b_values.begin() + j * 28, b_values.begin() + (j + 1) * 28}, 5, 7, 4);
      expected.insert(expected.end(), one.begin(), one.end());
    }
  }
  CHECK(allclose(matmul(a, b), from_vector(expected, {2, 3, 5, 4}), 1e-12, 1e-12));
}

TEST_CASE("matmul: nothing to sum gives zeros, nothing to compute nothing", "[matmul]") {
  CHECK(equal(matmul(ones({2, 0}), ones({0, 3})), zeros({2, 3})));
  CHECK(matmul(ones({0, 3}), ones({3, 2})).shape() == Shape{0, 2});
  CHECK(matmul(ones({0, 2, 3}), ones({3, 2})).shape() == Shape{0, 2, 2});
  CHECK(matmul(ones({2, 3, 0}), ones({0, 2})).shape() == Shape{2, 3, 2});
  CHECK(equal(matmul(ones(Shape(0)), ones(Shape(0))), tensor(0, f32)));
  CHECK(equal(linear(ones({2, 0}), ones({3, 0}), tensor({1, 2, 3}, f32)), tensor({{1, 2, 3}, {1, 2, 3}}, f32)));
  const Tensor w = ones({3, 2}).requires_grad_();
  sum(matmul(ones({0, 3}), w)).backward();
  CHECK(equal(w.grad(), zeros({3, 2})));
}

TEST_CASE("matmul: a gradient from a sum, whose elements share one place in memory", "[matmul]") {
  const Tensor a = tensor({{1, 2}, {3, 4}}, f64).requires_grad_(), b = tensor({{5, 6}, {7, 8}}, f64).requires_grad_();
  sum(matmul(a, b)).backward();
  CHECK(equal(a.grad(), tensor({{11, 15}, {11, 15}}, f64)));
  CHECK(equal(b.grad(), tensor({{4, 4}, {6, 6}}, f64)));
}

TEST_CASE("linear: values", "[matmul]") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, f32), w = tensor({{1, 0, 1}, {0, 1, -1}}, f32),
               b = tensor({10, 20}, f32);
  CHECK(equal(linear(x, w, b), tensor({{14, 19}, {20, 19}}, f32)));
  CHECK(equal(linear(x, w), tensor({{4, -1}, {10, -1}}, f32)));
  CHECK(equal(linear(tensor({1, 2, 3}, f32), w, b), tensor({14, 19}, f32)));
  CHECK(linear(ones({2, 5, 3}), w, b).shape() == Shape{2, 5, 2});
  CHECK(linear(ones({0, 3}), w, b).shape() == Shape{0, 2});
}

TEST_CASE("products with names of their own", "[matmul]") {
  const Tensor m = tensor({{1, 2}, {3, 4}}, f32), v = tensor({1, -1}, f32);
  CHECK(dot(v, v).item() == 2);
  CHECK(equal(mv(m, v), tensor({-1, -1}, f32)));
  CHECK(equal(outer(v, tensor({1, 2, 3}, f32)), tensor({{1, 2, 3}, {-1, -2, -3}}, f32)));
  CHECK(equal(addmm(v, m, m, {.beta = 10, .alpha = 2}), tensor({{24, 10}, {40, 34}}, f32)));
  CHECK(bmm(ones({2, 3, 4}), ones({2, 4, 5})).shape() == Shape{2, 3, 5});
}

TEST_CASE("matmul: errors name the shapes", "[matmul]") {
  CHECK(error_of([] {
          matmul(ones({2, 3}), ones({4, 5}));
        }) == "matmul: (2, 3) and (4, 5) do not fit: the inner sizes are 3 and 4");
  CHECK(error_of([] { matmul(ones(3), ones(4)); }) == "matmul: (3,) and (4,) do not fit: the inner sizes are 3 and 4");
  CHECK(error_of([] { matmul(ones({}), ones(4)); }) ==
        "matmul: needs tensors of rank 1 or more, got () and (4,); use *");
  CHECK(error_of([] { matmul(ones({2, 3, 4}), ones({3, 4, 2})); }) == "matmul: shapes (2,) and (3,) do not broadcast");
  CHECK(error_of([] {
          matmul(ones({2, 2}), ones({2, 2}, f64));
        }) == "matmul: the inputs are f32 and f64; use cast(x, f32)");
  CHECK(error_of([] {
          matmul(ones({2, 2}, i64), ones({2, 2}, i64));
        }) == "matmul: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([] {
          linear(ones({2, 3}), ones({4, 5}));
        }) == "linear: (2, 3) does not fit the weight (4, 5), which takes 5 features");
  CHECK(error_of([] { linear(ones({2, 3}), ones(3)); }) == "linear: the weight has shape (3,), needed is (out, in)");
  CHECK(error_of([] {
          linear(ones({2, 3}), ones({4, 3}), ones(3));
        }) == "linear: the bias has shape (3,), needed is (4,)");
  CHECK(error_of([] {
          linear(ones({2, 3}), ones({4, 3}), ones(4, f64));
        }) == "linear: the inputs are f32 and f64; use cast(x, f32)");
  CHECK(error_of([] { dot(ones({2, 2}), ones(2)); }) == "dot: needs two vectors, got (2, 2) and (2,); use matmul");
  CHECK(error_of([] { mv(ones(2), ones(2)); }) == "mv: needs a matrix and a vector, got (2,) and (2,); use matmul");
  CHECK(error_of([] { outer(ones({}), ones(2)); }) == "outer: needs two vectors, got () and (2,)");
  CHECK(error_of([] {
          bmm(ones({2, 3, 4}), ones({1, 4, 5}));
        }) == "bmm: needs (batch, m, k) and (batch, k, n), got (2, 3, 4) and (1, 4, 5); use matmul");
  CHECK(error_of([] {
          addmm(ones(3), ones({2, 2}), ones({2, 2}));
        }) == "addmm: shapes (3,) and (2, 2) do not broadcast");
  CHECK(error_of([] {
          addmm(ones({2, 2, 2}), ones({2, 2}), ones({2, 2}));
        }) == "addmm: (2, 2, 2) does not broadcast to the product's shape (2, 2)");
}
