// What the op table cannot say of ops/shape.hpp: which results are views, and values, borders and errors.
#include <limits>
#include <random>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

std::vector<double> values_of(const Tensor& x) { return cast(x, f64).to_vector<double>(); }

bool shares_memory(const Tensor& x, const Tensor& y) { return x.array().data<double>() == y.array().data<double>(); }

// Random views with known elements: the values are found through the strides, one element at a time.
class RandomViews {
 public:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }

  // A tensor with at most 5 dimensions of size 0 to 4 under random strides: steps, reversals, broadcasts, permutations.
  Tensor view() {
    Shape shape;
    for (std::int64_t rank = below(5); rank > 0; --rank) shape.push_back(below(12) == 0 ? 0 : 1 + below(4));
    Tensor x = randn(shape, f64, random_key(3, "views", static_cast<std::uint64_t>(random_())));
    for (int change = 0; change < 3; ++change) x = changed(x);
    return x;
  }

  // A shape with as many elements: the prime factors in a random order, split by random cuts, with ones thrown in.
  Shape shape_of(std::int64_t numel) {
    Shape shape;
    if (numel == 0) return {below(3), 0, 1 + below(3)};
    while (numel > 1 || below(4) == 0) {
      std::int64_t size = 1 + below(numel);
      while (numel % size != 0) size = 1 + below(numel);
      if (shape.rank() == max_rank - 1) size = numel;
      shape.push_back(size);
      numel /= size;
      if (shape.rank() == max_rank) break;
    }
    return shape;
  }

 private:
  Tensor changed(const Tensor& x) {
    if (x.rank() == 0) return x;
    const std::int64_t dim = below(x.rank());
    switch (below(5)) {
      case 0: return transpose(x, dim, below(x.rank()));
      case 1: return flip(x, dim);
      case 2: return slice(x, dim, {.start = below(2), .step = 1 + below(2)});
      case 3: return x.rank() < 5 ? repeat_view(unsqueeze(x, dim), static_cast<int>(dim)) : x;
      default: return x.size(dim) > 0 ? narrow(x, dim, 0, 1) : x;
    }
  }

  Tensor repeat_view(const Tensor& x, int dim) {
    Shape shape = x.shape();
    shape[dim] = 1 + below(3);
    return expand(x, shape);
  }

  std::mt19937_64 random_{20240229};
};

// The elements of `x` in row-major order, read through shape and strides alone.
std::vector<double> read_by_strides(const Tensor& x) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::int64_t offset = 0, rest = i;
    for (int dim = x.rank() - 1; dim >= 0; --dim) {
      offset += rest % x.shape()[dim] * x.strides()[dim];
      rest /= x.shape()[dim];
    }
    values.push_back(x.array().data<double>()[offset]);
  }
  return values;
}

}  // namespace

TEST_CASE("reshape keeps row-major order for random views and random shapes, and views where it can") {
  RandomViews random;
  int views = 0, copies = 0, empty = 0;
  for (int round = 0; round < 20000; ++round) {
    const Tensor x = random.view();
    const std::vector<double> expected = read_by_strides(x);
    REQUIRE(x.to_vector<double>() == expected);
    REQUIRE(packed(x).to_vector<double>() == expected);
    const Shape shape = random.shape_of(x.numel());
    const Tensor y = reshape(x, shape);
    INFO(to_string(x.shape()) << " with strides " << to_string(x.strides()) << " to " << to_string(shape));
    REQUIRE(y.shape() == shape);
    REQUIRE(read_by_strides(y) == expected);
    REQUIRE(values_of(y) == expected);
    REQUIRE(values_of(y * 1.0) == expected);
    // Back again, through the copy or the view that was made.
    REQUIRE(read_by_strides(reshape(y, x.shape())) == expected);
    const bool is_view = shares_memory(x, y);
    REQUIRE((is_view || !x.is_packed()));
    x.numel() == 0 ? ++empty : is_view ? ++views : ++copies;
  }
  CHECK(views > 1000);
  CHECK(copies > 1000);
  CHECK(empty > 100);
}

TEST_CASE("reshape is a view exactly where strides exist: NumPy's cases") {
  const Tensor x = reshape(randn(24, f64), {2, 3, 4});
  CHECK(shares_memory(x, reshape(x, {4, -1})));
  CHECK(shares_memory(x, reshape(slice(x, 0, {.stop = 1}), {3, 4})));
  const Tensor columns = permute(x, {0, 2, 1});
  CHECK(shares_memory(columns, reshape(columns, {1, 2, 2, 2, 3, 1})));
  CHECK(!shares_memory(columns, reshape(columns, {2, 12})));
  const Tensor wide = expand(reshape(slice(x, 0, {.stop = 1}), {1, 12}), {5, 12});
  CHECK(shares_memory(wide, reshape(wide, {5, 3, 4})));
  CHECK(!shares_memory(wide, reshape(wide, 60)));
  const Tensor same = expand(reshape(slice(reshape(x, 24), 0, {.stop = 1}), {1, 1}), {4, 6});
  CHECK(shares_memory(same, reshape(same, {3, 8})));
  CHECK(reshape(same, 24).strides() == Strides(0));
  const Tensor backwards = flip(x, {0, 1, 2});
  CHECK(reshape(backwards, 24).strides() == Strides(-1));
}

TEST_CASE("reshape says what does not fit") {
  const Tensor x = zeros({2, 3});
  CHECK(error_of([&] { reshape(x, {4, 2}); }) == "reshape: 6 elements of shape (2, 3) do not fit into (4, 2)");
  CHECK(error_of([&] { reshape(x, {4, -1}); }) == "reshape: 6 elements of shape (2, 3) do not fit into (4, -1)");
  CHECK(error_of([&] { reshape(x, {-1, -1}); }) == "reshape: only one size can be inferred, (-1, -1) has several -1");
  CHECK(error_of([&] { reshape(x, {-2, -3}); }) == "shape (-2, -3) has a negative size");
  CHECK(error_of([&] {
          reshape(zeros({0, 3}), {0, -1});
        }) == "reshape: the -1 in (0, -1) could be any size beside a size of 0; give it");
  CHECK(error_of([&] {
          reshape(x, {1LL << 40, 1LL << 40, -1});
        }) == "shape (1099511627776, 1099511627776, 1) has more elements than a 64-bit integer can count");
  CHECK(reshape(zeros({0, 3}), {-1, 3}).shape() == Shape({0, 3}));
  CHECK(reshape(tensor(2.5), {1, 1}).shape() == Shape({1, 1}));
  CHECK(reshape(zeros({1, 1}), {}).shape() == Shape());
}

TEST_CASE("flatten, unflatten, squeeze and unsqueeze give PyTorch's shapes") {
  const Tensor x = zeros({2, 1, 3, 4});
  CHECK(flatten(x).shape() == Shape(24));
  CHECK(flatten(x, 1).shape() == Shape({2, 12}));
  CHECK(flatten(x, -3, 2).shape() == Shape({2, 3, 4}));
  CHECK(flatten(tensor(1.0)).shape() == Shape(1));
  CHECK(flatten(zeros({3, 0, 2}), 1).shape() == Shape({3, 0}));
  CHECK(error_of([&] { flatten(x, 2, 1); }) == "flatten: dimension 2 does not come before 1");
  CHECK(unflatten(zeros({2, 6}), 1, {2, -1}).shape() == Shape({2, 2, 3}));
  CHECK(unflatten(zeros({2, 6}), -1, {6, 1}).shape() == Shape({2, 6, 1}));
  CHECK(error_of([&] {
          unflatten(zeros({2, 6}), 1, {4, -1});
        }) == "unflatten: size 6 of dimension 1 is not the product of (4, -1)");
  CHECK(error_of([&] {
          unflatten(tensor(1.0), 0, {1, 1});
        }) == "unflatten: a tensor of rank 0 has no dimension to unflatten");
  CHECK(squeeze(zeros({1, 2, 1})).shape() == Shape(2));
  CHECK(squeeze(zeros({1, 2, 1}), 0).shape() == Shape({2, 1}));
  CHECK(squeeze(zeros({1, 2, 1}), {1, -1}).shape() == Shape({1, 2}));
  CHECK(squeeze(tensor(1.0)).shape() == Shape());
  CHECK(unsqueeze(zeros({2, 3}), 0).shape() == Shape({1, 2, 3}));
  CHECK(unsqueeze(zeros({2, 3}), -1).shape() == Shape({2, 3, 1}));
  CHECK(unsqueeze(tensor(1.0), -1).shape() == Shape(1));
  CHECK(error_of([&] {
          unsqueeze(zeros({2, 3}), 3);
        }) == "unsqueeze: dimension 3 is out of range [-3, 2] of a tensor of rank 3");
  CHECK_THAT(error_of([&] {
               unsqueeze(zeros({1, 1, 1, 1, 1, 1, 1, 1}), 0);
             }),
             ContainsSubstring("a shape has at most 8 dimensions"));
}

TEST_CASE("transpose, t, permute and movedim move dimensions") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(equal(t(x), tensor({{1, 4}, {2, 5}, {3, 6}})));
  CHECK(t(zeros(3)).shape() == Shape(3));
  CHECK(error_of([] { t(zeros({2, 3, 4})); }) == "t: shape (2, 3, 4) is no matrix; use transpose(x, a, b)");
  CHECK(transpose(zeros({2, 3, 4}), -1, 0).shape() == Shape({4, 3, 2}));
  CHECK(transpose(tensor(1.0), 0, -1).shape() == Shape());
  CHECK(movedim(zeros({2, 3, 4, 5}), {0, 2}, {-1, 0}).shape() == Shape({4, 3, 5, 2}));
  CHECK(movedim(zeros({2, 3, 4}), 0, 1).shape() == Shape({3, 2, 4}));
  CHECK(error_of([] { movedim(zeros({2, 3}), {0, 1}, 0); }) == "movedim: 2 dimensions cannot move to 1 positions");
  CHECK(error_of([] { movedim(zeros({2, 3}), {0, 0}, {0, 1}); }) == "movedim: a dimension appears twice in (0, 0)");
  CHECK(error_of([] { permute(zeros({2, 3}), {0}); }) == "permute: 1 dimensions for a tensor of rank 2");
}

TEST_CASE("cast converts as it says") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK(equal(cast(tensor({-1.7, 2.9, 0.5, -0.5}), i64), tensor({-1, 2, 0, 0})));
  CHECK(equal(cast(tensor({-1.7, 2.9, 255.5, 300.0}, f64), u8), from_vector<std::uint8_t>({0, 2, 255, 255})));
  CHECK(equal(cast(tensor({nan, infinity, -infinity}, f64), i64),
              from_vector<std::int64_t>(
                  {0, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()})));
  CHECK(equal(cast(tensor({300, -1}), u8), from_vector<std::uint8_t>({44, 255})));
  CHECK(equal(cast(tensor({nan, 0.0, -0.0, -0.2}), boolean), tensor({true, false, false, true})));
  CHECK(equal(cast(tensor({true, false}), f32), tensor({1.0, 0.0})));
  CHECK(equal(cast(tensor({2, 0, -3}), boolean), tensor({true, false, true})));
  CHECK(cast(zeros({0, 2}), i64).shape() == Shape({0, 2}));
  CHECK(cast(tensor(2.5), i64).item() == 2);
}

TEST_CASE("cast has a gradient between f32 and f64 and none elsewhere") {
  const Tensor x = tensor({1.0, 2.0}, f64).requires_grad_();
  const Tensor y = cast(x, f32);
  CHECK(y.requires_grad());
  const Tensor g = grad(sum(y * y), {x})[0];
  CHECK(equal(g, tensor({2.0, 4.0}, f64)));
  CHECK(!cast(x, i64).requires_grad());
  CHECK(!cast(x, boolean).requires_grad());
}
