// Making tensors, reading them, comparing them, and what a handle is.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

struct Moments {
  double mean = 0, variance = 0, low = 0, high = 0;
};

Moments moments_of(const Tensor& x) {
  const std::vector<double> values = cast(x, f64).to_vector<double>();
  const double count = static_cast<double>(values.size());
  Moments m = {.low = *std::min_element(values.begin(), values.end()),
               .high = *std::max_element(values.begin(), values.end())};
  m.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  for (const double value : values) m.variance += (value - m.mean) * (value - m.mean) / count;
  return m;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan_value = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("tensors from lists: the type follows the numbers, the shape the nesting") {
  CHECK(tensor({{1, 2, 3}, {4, 5, 6}}).shape() == Shape({2, 3}));
  CHECK(tensor({{1, 2}, {3, 4}}).dtype() == i64);
  CHECK(tensor({1, 2.5}).dtype() == f32);
  CHECK(tensor({true, false}).dtype() == boolean);
  CHECK(tensor({true, 2}).dtype() == i64);
  CHECK(tensor({1, 2}, f64).dtype() == f64);
  CHECK(tensor(3).shape() == Shape());
  CHECK(tensor({{{1}, {2}}}).shape() == Shape({1, 2, 1}));
  CHECK(tensor({{1, 2}, {3, 4}}).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(error_of([] { tensor({{1, 2}, {3}}); }) == "tensor: a list of shape (1,) stands beside one of shape (2,)");
  CHECK(error_of([] { tensor({{1, 2}, 3}); }) == "tensor: a list of shape () stands beside one of shape (2,)");
}

TEST_CASE("tensors from vectors and from memory") {
  CHECK(equal(from_vector<float>({1, 2, 3}), tensor({1.0, 2.0, 3.0})));
  CHECK(equal(from_vector<std::int64_t>({1, 2, 3, 4}, {2, 2}), tensor({{1, 2}, {3, 4}})));
  CHECK(equal(from_vector<bool>({true, false}), tensor({true, false})));
  CHECK(from_vector<double>({}).shape() == Shape(0));
  const std::uint8_t pixels[] = {1, 2, 3, 4};
  CHECK(from_data(pixels, {2, 2}).to_vector<std::uint8_t>() == std::vector<std::uint8_t>{1, 2, 3, 4});
  CHECK(error_of([] {
          from_vector<float>({1, 2, 3}, {2, 2});
        }) == "from_vector: shape (2, 2) holds 4 elements, the vector 3");
}

TEST_CASE("zeros, ones, full, eye, arange, linspace") {
  CHECK(equal(zeros({2, 1}), tensor({{0.0}, {0.0}})));
  CHECK(equal(ones(2, i64), tensor({1, 1})));
  CHECK(equal(full({}, 2.5, f64), tensor(2.5, f64)));
  CHECK(equal(full_like(tensor({1, 2}), 7), tensor({7, 7})));
  CHECK(equal(zeros_like(tensor({true})), tensor({false})));
  CHECK(equal(ones_like(zeros({0, 3}, f64)), ones({0, 3}, f64)));
  CHECK(equal(eye(2), tensor({{1.0, 0.0}, {0.0, 1.0}})));
  CHECK(eye(0).shape() == Shape({0, 0}));
  CHECK(equal(arange(4), tensor({0, 1, 2, 3})));
  CHECK(equal(arange(1, 2, 0.25), tensor({1.0, 1.25, 1.5, 1.75})));
  CHECK(equal(arange(3, 0, -1, i64), tensor({3, 2, 1})));
  CHECK(arange(2, 1).numel() == 0);
  CHECK(arange(0, 1, 0.1).numel() == 10);
  CHECK(equal(linspace(-1, 1, 5), tensor({-1.0, -0.5, 0.0, 0.5, 1.0})));
  CHECK(equal(linspace(3, 9, 1), tensor({3.0})));
  CHECK(linspace(0, 1, 0).numel() == 0);
  CHECK(linspace(0, 0.7, 1000, f64).to_vector<double>().back() == 0.7);
  CHECK(error_of([] { arange(0, 1, 0); }) == "arange: no way from 0 to 1 in steps of 0");
  CHECK(error_of([] { arange(0, infinity); }) == "arange: no way from 0 to inf in steps of 1");
  CHECK_THAT(error_of([] { arange(0, 1e18); }), ContainsSubstring("are too many"));
  CHECK(error_of([] { linspace(0, 1, -1); }) == "linspace: -1 values; use 0 or more");
  CHECK(error_of([] { eye(-1); }) == "shape (-1, -1) has a negative size");
}

TEST_CASE("impossible shapes are errors that name the shape") {
  CHECK(error_of([] {
          zeros({1LL << 40, 1LL << 40});
        }) == "shape (1099511627776, 1099511627776) has more elements than a 64-bit integer can count");
  CHECK(error_of([] {
          zeros({1LL << 30, 1LL << 30});
        }) == "a f32 tensor of shape (1073741824, 1073741824) does not fit into memory");
  CHECK(error_of([] { zeros({2, -3}); }) == "shape (2, -3) has a negative size");
  CHECK(error_of([] { zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}); }) == "a shape has at most 8 dimensions, here are 9");
  CHECK(zeros({1LL << 40, 0, 1LL << 40}).numel() == 0);
  CHECK(error_of([] { zeros({2, 3}).size(2); }) == "size: dimension 2 is out of range [-2, 1] of a tensor of rank 2");
  CHECK(error_of([] { tensor(1.0).size(0); }) == "size: a tensor of rank 0 has no dimensions");
  CHECK(zeros({2, 3}).size(-1) == 3);
}

TEST_CASE("elements are read with their type, from packed tensors only where memory is shown") {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  CHECK(x.data<float>()[3] == 4);
  CHECK(t(x).to_vector<float>() == std::vector<float>{1, 3, 2, 4});
  CHECK(tensor(2.5).item() == 2.5);
  CHECK(select(tensor({1, 7}), 0, 1).item() == 7);
  CHECK(flip(tensor({true}), 0).item() == 1);
  CHECK(zeros({0, 2}).to_vector<float>().empty());
  CHECK(error_of([&] { (void)x.item(); }) == "item: a tensor of shape (2, 2) has 4 elements, not one");
  CHECK(error_of([&] { (void)zeros(0).item(); }) == "item: a tensor of shape (0,) has 0 elements, not one");
  CHECK(error_of([&] { (void)x.to_vector<double>(); }) ==
        "to_vector: the elements are f32, asked for as f64; use cast()");
  CHECK_THAT(error_of([&] { (void)x.data<std::int64_t>(); }),
             ContainsSubstring("the elements are f32, asked for as i64"));
  CHECK_THAT(error_of([&] { (void)t(x).data<float>(); }), ContainsSubstring("is not packed; use packed(x)"));
  CHECK_THAT(error_of([] { (void)Tensor().shape(); }), ContainsSubstring("this tensor is undefined"));
}

TEST_CASE("rand and randn have the moments of their distributions") {
  const Moments uniform = moments_of(rand({200000}, f64, random_key(1, "rand")));
  CHECK(std::abs(uniform.mean - 0.5) < 0.005);
  CHECK(std::abs(uniform.variance - 1.0 / 12) < 0.002);
  CHECK(uniform.low >= 0);
  CHECK(uniform.high < 1);
  CHECK(uniform.low < 1e-3);
  CHECK(uniform.high > 1 - 1e-3);
  const Tensor x = randn({200000}, f64, random_key(1, "randn"));
  const Moments normal = moments_of(x);
  CHECK(std::abs(normal.mean) < 0.01);
  CHECK(std::abs(normal.variance - 1) < 0.015);
  CHECK(std::abs(sum(x * x * x * x).item() / 200000 - 3) < 0.1);
  CHECK(normal.high > 4);
  CHECK(std::isfinite(normal.high));
  // Neighbours, which share a block of random words, are not related.
  const Tensor even = slice(x, 0, {.step = 2}), odd = slice(x, 0, {.start = 1, .step = 2});
  CHECK(std::abs(sum(even * odd).item() / 100000) < 0.01);
}

TEST_CASE("randint, bernoulli and randperm draw what they say") {
  const Tensor dice = randint(1, 7, 60000, random_key(1, "dice"));
  for (std::int64_t face = 1; face <= 6; ++face) {
    const std::vector<std::int64_t> values = dice.to_vector<std::int64_t>();
    CHECK(std::abs(std::count(values.begin(), values.end(), face) - 10000) < 400);
  }
  const Moments m = moments_of(dice);
  CHECK(m.low == 1);
  CHECK(m.high == 6);
  const std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                     highest = std::numeric_limits<std::int64_t>::max();
  const Moments all = moments_of(randint(lowest, highest, 1000, random_key(1, "all")));
  CHECK(all.low < -4e18);
  CHECK(all.high > 4e18);
  CHECK(error_of([] { randint(3, 3, 1); }) == "randint: no integers in [3, 3)");

  CHECK(std::abs(moments_of(bernoulli(full({50000}, 0.3), random_key(1, "mask"))).mean - 0.3) < 0.01);
  CHECK(equal(bernoulli(tensor({0.0, 1.0, 0.0, 1.0})), tensor({false, true, false, true})));
  CHECK(error_of([] { bernoulli(tensor({0.5, 1.5})); }) == "bernoulli: 1.5 is no probability");
  CHECK(error_of([] { bernoulli(tensor({nan_value})); }) == "bernoulli: nan is no probability");

  std::vector<std::int64_t> order = randperm(1000, random_key(1, "order")).to_vector<std::int64_t>();
  CHECK(!std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  CHECK(order == arange(1000).to_vector<std::int64_t>());
  CHECK(randperm(0).numel() == 0);
  CHECK(error_of([] { randperm(-1); }) == "randperm: a size of -1");
  // Each of the six orders of three is equally likely.
  std::vector<int> seen(27);
  for (std::uint64_t i = 0; i < 6000; ++i) {
    const std::vector<std::int64_t> p = randperm(3, random_key(1, "three", i)).to_vector<std::int64_t>();
    ++seen[static_cast<std::size_t>(9 * p[0] + 3 * p[1] + p[2])];
  }
  CHECK(std::count(seen.begin(), seen.end(), 0) == 21);
  CHECK(*std::max_element(seen.begin(), seen.end()) < 1150);
}

TEST_CASE("random numbers depend on seed, step and call, and on nothing else") {
  manual_seed(11);
  const Tensor first = randn(1000), second = randn(1000);
  manual_seed(11);
  CHECK(equal(randn(1000), first));
  CHECK(equal(randn(1000), second));
  CHECK(!equal(first, second));
  manual_seed(12);
  CHECK(!equal(randn(1000), first));
  const auto drawn = [](std::uint64_t step) {
    const RandomStep guard(step);
    return rand(100);
  };
  CHECK(equal(drawn(3), drawn(3)));
  CHECK(!equal(drawn(3), drawn(4)));
  const RandomKey key = random_key(1, "weights");
  CHECK(equal(slice(rand(1000, f32, key), 0, {.stop = 10}), rand(10, f32, key)));
  CHECK(equal(cast(rand(1000, f32, key), f64), rand(1000, f64, key)));
  const int before = threads();
  const auto hashes = [&] {
    return std::vector{hash_of(rand(300001, f32, key)), hash_of(randn(300001, f32, key)),
                       hash_of(randint(0, 99, 300001, key)), hash_of(bernoulli(full(300001, 0.5), key)),
                       hash_of(randperm(3001, key))};
  };
  set_threads(1);
  const std::vector<std::uint64_t> expected = hashes();
  for (const int count : {2, 3, 8}) {
    set_threads(count);
    CHECK(hashes() == expected);
  }
  set_threads(before);
  manual_seed(0);
}

TEST_CASE("equal and allclose compare numbers, hash_of compares bits") {
  const Tensor x = tensor({1.0, 2.0});
  CHECK(equal(x, tensor({1.0, 2.0})));
  CHECK(!equal(x, tensor({1.0, 2.5})));
  CHECK(!equal(x, tensor({1.0, 2.0}, f64)));
  CHECK(!equal(x, tensor({{1.0, 2.0}})));
  CHECK(!equal(tensor(nan_value), tensor(nan_value)));
  CHECK(equal(tensor(-0.0), tensor(0.0)));
  CHECK(hash_of(tensor(-0.0)) != hash_of(tensor(0.0)));
  CHECK(hash_of(tensor(nan_value)) == hash_of(tensor(nan_value)));
  CHECK(hash_of(x) == hash_of(flip(tensor({2.0, 1.0}), 0)));
  CHECK(hash_of(x) != hash_of(unsqueeze(x, 0)));
  CHECK(hash_of(zeros(2)) != hash_of(zeros(2, i64)));
  CHECK(hash_of(zeros({0, 2})) != hash_of(zeros({2, 0})));

  CHECK(allclose(x, x * (1 + 5e-6)));
  CHECK(!allclose(x, x * (1 + 5e-5)));
  CHECK(allclose(x, x + 0.05, 0, 0.1));
  CHECK(!allclose(x, unsqueeze(x, 0)));
  CHECK(allclose(tensor(infinity), tensor(infinity)));
  CHECK(!allclose(tensor(infinity), tensor(-infinity)));
  CHECK(!allclose(tensor(1.0), tensor(infinity)));
  CHECK(!allclose(tensor(nan_value), tensor(nan_value)));
  CHECK(allclose(zeros({0, 2}), zeros({0, 2})));
  CHECK(error_of([&] { allclose(x, cast(x, f64)); }) == "allclose: the inputs are f32 and f64; use cast()");
}

TEST_CASE("copies share their elements, and rebinding one leaves the others as they were") {
  Tensor x = tensor({1.0, 2.0});
  const Tensor copy = x;
  CHECK(copy.data<float>() == x.data<float>());
  x += tensor({1.0, 1.0});
  x *= 2;
  CHECK(equal(x, tensor({4.0, 6.0})));
  CHECK(equal(copy, tensor({1.0, 2.0})));
  x = copy;
  x -= 1;
  x /= copy;
  CHECK(equal(x, tensor({0.0, 0.5})));
  CHECK(equal(copy, tensor({1.0, 2.0})));
  x = copy;
  x.requires_grad_();
  CHECK(x.requires_grad());
  CHECK(!copy.requires_grad());
  CHECK(!x.detach().requires_grad());
}

TEST_CASE("only floating tensors have gradients") {
  CHECK(error_of([] {
          tensor({1, 2}).requires_grad_();
        }) == "requires_grad_: only f32 and f64 tensors have gradients, this is i64");
  CHECK(error_of([] { tensor({true}).requires_grad_(); }) ==
        "requires_grad_: only f32 and f64 tensors have gradients, this is bool");
  CHECK(!tensor({1, 2}).requires_grad_(false).requires_grad());
  CHECK(tensor(1.0).requires_grad_().is_leaf());
  CHECK(!(tensor(1.0).requires_grad_() * 2).is_leaf());
}
