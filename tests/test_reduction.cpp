// Reductions: values against PyTorch's, corner cases, errors, accuracy, and the way sums are cut.
#include <cmath>
#include <limits>
#include <numeric>

#include "catch.hpp"
#include "kernel_cases.hpp"
#include "ravel/ops/kernels/reduce.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor example() { return tensor({{0.5, -1.25, 2.0}, {1.5, 0.25, -0.75}}, f64); }

bool close(const Tensor& x, const Tensor& y) { return allclose(x, y, 1e-11, 1e-11); }

}  // namespace

TEST_CASE("reductions give PyTorch's values", "[reduction]") {
  const Tensor x = example();
  CHECK(sum(x).item() == 2.25);
  CHECK(equal(sum(x, 0), tensor({2.0, -1.0, 1.25}, f64)));
  CHECK(equal(mean(x, 0), tensor({1.0, -0.5, 0.625}, f64)));
  CHECK(equal(mean(x, {0, 1}, true), tensor({{0.375}}, f64)));
  CHECK(equal(prod(x), tensor(0.3515625, f64)));
  CHECK(equal(max(x, 1), tensor({2.0, 1.5}, f64)));
  CHECK(equal(min(x, 0, true), tensor({{0.5, -1.25, -0.75}}, f64)));
  CHECK(equal(argmax(x, 1), tensor({2, 0})));
  CHECK(equal(argmin(x, -1, true), tensor({{1}, {2}})));
  CHECK(argmax(x).item() == 2);
  CHECK(argmin(x).item() == 1);
  CHECK(close(var(x, 1), tensor({2.645833333333333, 1.270833333333333}, f64)));
  CHECK(close(stddev(x, 0, {.correction = 0}), tensor({0.5, 0.75, 1.375}, f64)));
  CHECK(close(norm(x), tensor(2.9474565306378989, f64)));
  CHECK(close(logsumexp(x, 1), tensor({2.2326219831020, 1.8306726094066}, f64)));
  CHECK(equal(cumsum(x, 1), tensor({{0.5, -0.75, 1.25}, {1.5, 1.75, 1.0}}, f64)));
  CHECK(equal(cumsum(x, 0, {.reverse = true}), tensor({{2.0, -1.0, 1.25}, {1.5, 0.25, -0.75}}, f64)));
}

TEST_CASE("sums of integers and masks are exact and i64", "[reduction]") {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  CHECK(equal(sum(from_vector(std::vector{large, large, large})), reshape(from_vector(std::vector{3 * large}), {})));
  CHECK(sum(ones(100001, boolean)).item() == 100001);
  CHECK(sum(ones(100001, boolean)).dtype() == i64);
  CHECK(sum(full({3, 200}, 250, u8), 1).to_vector<std::int64_t>() == std::vector<std::int64_t>{50000, 50000, 50000});
  CHECK(max(tensor({3, 7, -2})).item() == 7);
}

TEST_CASE("all and any, of masks and of numbers", "[reduction]") {
  const Tensor mask = tensor({{true, false}, {true, true}});
  CHECK(equal(all(mask, 1), tensor({false, true})));
  CHECK(equal(any(mask, 0), tensor({true, true})));
  CHECK(!all(mask).item());
  CHECK(any(tensor({0.0, 0.25})).item());
  CHECK(all(zeros(0, boolean)).item());
  CHECK(!any(zeros(0, boolean)).item());
}

TEST_CASE("empty and rank-0 inputs", "[reduction]") {
  CHECK(sum(zeros(0)).item() == 0);
  CHECK(equal(sum(zeros({0, 3}), 0), zeros(3)));
  CHECK(sum(zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(prod(zeros(0)).item() == 1);
  CHECK(std::isnan(mean(zeros(0)).item()));
  CHECK(std::isnan(var(zeros(0)).item()));
  CHECK(logsumexp(zeros(0)).item() == -infinity);
  CHECK(max(zeros({0, 3}), 1).shape() == Shape{0});
  CHECK(cumsum(zeros({2, 0}), 1).shape() == Shape{2, 0});
  const Tensor one = tensor(2.5);
  for (const auto& f : {sum, mean, prod, max, min, logsumexp, norm}) CHECK(f(one, {}, false).item() == 2.5);
  CHECK(argmax(one).item() == 0);
  CHECK(cumsum(one, 0).item() == 2.5);
}

TEST_CASE("variances with as many degrees of freedom as values, or more", "[reduction]") {
  CHECK(std::isnan(var(tensor({1.0})).item()));
  CHECK(var(tensor({1.0, 2.0}), {}, {.correction = 3}).item() == infinity);
  CHECK(stddev(tensor({1.0, 1.0})).item() == 0);
}

TEST_CASE("the variance of numbers far from zero is right", "[reduction]") {
  const Tensor x = cast(arange(1000), f32) * 1e-3 + 1000;
  CHECK(std::abs(var(x).item() / var(cast(x, f64)).item() - 1) < 1e-4);
}

TEST_CASE("NaN spreads through max and min and is what argmax and argmin find", "[reduction]") {
  const Tensor x = tensor({1.0, not_a_number, 3.0, not_a_number});
  CHECK(std::isnan(max(x).item()));
  CHECK(std::isnan(min(x).item()));
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 1);
  CHECK(argmax(tensor({{1, 3, 3}, {2, 2, 2}}), 1).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 0});
}

TEST_CASE("elements that tie for the maximum share the gradient", "[reduction]") {
  const Tensor x = tensor({{3.0, 3.0, 1.0}, {0.0, 1.0, 0.0}}).requires_grad_();
  sum(max(x, 1)).backward();
  CHECK(equal(x.grad(), tensor({{0.5, 0.5, 0.0}, {0.0, 1.0, 0.0}})));
}

TEST_CASE("where a norm or a standard deviation is 0, so is its gradient", "[reduction]") {
  const Tensor x = zeros(3).requires_grad_(), y = full(3, 2).requires_grad_();
  norm(x).backward();
  stddev(y).backward();
  CHECK(equal(x.grad(), zeros(3)));
  CHECK(equal(y.grad(), zeros(3)));
}

TEST_CASE("prod has right gradients where factors are 0", "[reduction]") {
  const Tensor x = tensor({2.0, 0.0, 3.0}).requires_grad_(), y = tensor({0.0, 0.0, 3.0}).requires_grad_();
  prod(x).backward();
  prod(y).backward();
  CHECK(equal(x.grad(), tensor({0.0, 6.0, 0.0})));
  CHECK(equal(y.grad(), zeros(3)));
}

TEST_CASE("logsumexp of infinities and of large numbers", "[reduction]") {
  const Tensor x = tensor({{-infinity, -infinity}, {infinity, 1.0}, {1000.0, 1000.0}}, f64);
  CHECK(equal(logsumexp(x, 1), tensor({-infinity, infinity, 1000 + std::log(2.0)}, f64)));
}

TEST_CASE("softmax of infinities and of large numbers, of rank 0 and empty", "[softmax]") {
  CHECK(close(softmax(example(), 1), tensor({{0.176820182107, 0.030726740326, 0.792453077566},
                                             {0.718440341151, 0.205836603998, 0.075723054851}},
                                            f64)));
  CHECK(close(log_softmax(example(), 0), tensor({{-1.313261687518, -1.701413277983, -0.061967589003},
                                                 {-0.313261687518, -0.201413277983, -2.811967589003}},
                                                f64)));
  CHECK(equal(softmax(tensor({1000.0, 1000.0, -infinity}), 0), tensor({0.5, 0.5, 0.0})));
  CHECK(equal(log_softmax(tensor({-infinity, 1.0}), 0), tensor({-infinity, 0.0})));
  CHECK(std::isnan(max(softmax(tensor({-infinity, -infinity}), 0)).item()));
  CHECK(softmax(tensor(2.0), 0).item() == 1);
  CHECK(log_softmax(tensor(2.0), -1).item() == 0);
  CHECK(softmax(zeros({2, 0}), 1).shape() == Shape{2, 0});
  CHECK(softmax(zeros({0, 2}), 0).shape() == Shape{0, 2});
  CHECK(error_of([] { softmax(zeros(3, i64), 0); }) == "softmax: needs f32 or f64, got i64; use cast(x, f32)");
}

TEST_CASE("softmax of rows of every length around a block, and its gradients", "[softmax]") {
  constexpr std::int64_t rows = 7;  // four that are reduced side by side, and the rest
  for (const std::int64_t count : {1, 2, 15, 16, 17, 170, 255, 257, 511, 512, 513, 1500}) {
    const Tensor x = (randn({rows, count}, f32, random_key(1, "softmax", 0)) * 5).requires_grad_();
    const Tensor g = randn({rows, count}, f32, random_key(1, "softmax", 1));
    INFO(count);
    const Tensor y = softmax(x, 1), logarithm = log_softmax(x, 1);
    CHECK(allclose(sum(y, 1), ones(rows), 1e-6));
    CHECK(allclose(y, exp(x - logsumexp(x, 1, true)), 1e-5));
    CHECK(allclose(logarithm, log(y), 1e-5, 1e-5));
    CHECK(equal(transpose(softmax(transpose(x, 0, 1), 0), 0, 1), y));
    CHECK(allclose(grad(sum(y * g), {x})[0], y * (g - sum(g * y, 1, true)), 1e-5, 1e-6));
    CHECK(allclose(grad(sum(logarithm * g), {x})[0], g - y * sum(g, 1, true), 1e-5, 1e-5));
  }
}

TEST_CASE("softmax over columns is that of the transposed rows, in one tile or several, on any number of threads",
          "[softmax]") {
  // Two tiles of 512 columns, one of them short; tiles that no thread shares; more rows than fit into the cache.
  for (const Shape& shape : {Shape{1, 128, 1000}, {1, 60, 530}, {9, 40, 100}, {1, 1100, 130}, {1, 3, 8}, {2, 4, 5}}) {
    const Tensor x = randn(shape, f32, random_key(1, "softmax", 2)) * 5, rows = packed(transpose(x, 1, 2));
    INFO(shape[0] << " x " << shape[1] << " x " << shape[2]);
    CHECK(equal(softmax(x, 1), transpose(softmax(rows, 2), 1, 2)));
    CHECK(equal(log_softmax(x, 1), transpose(log_softmax(rows, 2), 1, 2)));
    CHECK(testing::same_on_all_threads([&] { return softmax(x, 1).to_vector<float>(); }));
    CHECK(testing::same_on_all_threads([&] { return log_softmax(x, 1).to_vector<float>(); }));
  }
}

TEST_CASE("reductions say what is wrong", "[reduction]") {
  CHECK(error_of([] {
          max(zeros({2, 0}), 1);
        }) == "max: shape (2, 0) has no elements to choose from over the dimensions (1,)");
  CHECK(error_of([] { argmin(zeros(0)); }) ==
        "argmin: shape (0,) has no elements to choose from over the dimensions (0,)");
  CHECK(error_of([] { argmax(zeros({2, 3}), {0, 1}); }) == "argmax: one dimension or all, not (0, 1)");
  CHECK(error_of([] { mean(zeros(3, i64)); }) == "mean: needs f32 or f64, got i64; use cast(x, f32)");
  CHECK(error_of([] { var(zeros(3, boolean)); }) == "var: needs f32 or f64, got bool; use cast(x, f32)");
  CHECK_THAT(error_of([] { sum(zeros({2, 3}), 2); }), ContainsSubstring("sum: "));
  CHECK_THAT(error_of([] { cumsum(zeros(3), 1); }), ContainsSubstring("cumsum: "));
}

TEST_CASE("a sum of ten million f32 is right to a millionth", "[reduction]") {
  for (const Tensor& x : {ravel::rand(10'000'000, f32, random_key(1, "sum", 0)), full(10'000'000, 0.1f)}) {
    const double exact = sum(cast(x, f64)).item();
    CHECK(std::abs(sum(x).item() / exact - 1) <= 1e-6);
    const Tensor columns = sum(reshape(x, {-1, 4}), 0), rows = sum(reshape(x, {4, -1}), 1);
    CHECK(std::abs(sum(cast(columns, f64)).item() / exact - 1) <= 1e-6);
    CHECK(std::abs(sum(cast(rows, f64)).item() / exact - 1) <= 1e-6);
  }
}

// The elements of each output, in order, are what fixes the bits: not where they lie in memory.
TEST_CASE("a sum has the same bits for every layout of its input", "[reduction]") {
  for (const Shape& shape : {Shape{3, 700, 5}, Shape{40, 3, 30}, Shape{2, 17, 1100}, Shape{1200, 2, 2}}) {
    const Tensor x = randn(shape, f32, random_key(1, "layout", 0));
    for (const Dims& dims : {Dims{0}, Dims{1}, Dims{2}, Dims{0, 1}, Dims{0, 2}, Dims{1, 2}, Dims{0, 1, 2}}) {
      INFO(to_string(shape) << " over " << to_string(dims));
      const std::uint64_t expected = hash_of(sum(x, dims));
      for (const Dims& order : {Dims{2, 1, 0}, Dims{1, 0, 2}, Dims{0, 2, 1}, Dims{1, 2, 0}}) {
        Dims inverse = order;
        for (int i = 0; i < 3; ++i) inverse[static_cast<int>(order[i])] = i;
        CHECK(hash_of(sum(permute(packed(permute(x, order)), inverse), dims)) == expected);
      }
    }
  }
}

TEST_CASE("reductions agree with a plain loop for every size around a chunk", "[reduction]") {
  for (const std::int64_t rows : {1, 2, 15, 16, 17, 33, 511, 512, 513, 1030}) {
    for (const std::int64_t columns : {1, 3, 7, 8, 9, 200, 1023, 1025}) {
      const Tensor x = randint(-1000, 1000, {rows, columns}, random_key(1, "loop", 0));
      const std::vector<std::int64_t> values = x.to_vector<std::int64_t>();
      std::vector<std::int64_t> down(static_cast<std::size_t>(columns)), across(static_cast<std::size_t>(rows));
      for (std::size_t i = 0; i < values.size(); ++i) {
        down[i % down.size()] += values[i];
        across[i / down.size()] += values[i];
      }
      INFO(rows << " x " << columns);
      CHECK(sum(x, 0).to_vector<std::int64_t>() == down);
      CHECK(sum(x, 1).to_vector<std::int64_t>() == across);
      CHECK(sum(x).item() == static_cast<double>(std::accumulate(down.begin(), down.end(), std::int64_t{0})));
      CHECK(max(x).item() == static_cast<double>(*std::max_element(values.begin(), values.end())));
    }
  }
}
