// What the op table cannot say of ops/indexing.hpp: values against PyTorch's, borders and errors.
#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

Tensor counting(const Shape& shape) { return reshape(arange(0, static_cast<double>(shape.numel())), shape); }

}  // namespace

TEST_CASE("gather, scatter_add and take_along_dim agree with PyTorch") {
  const Tensor x = counting({3, 4}), index = tensor({{0, 2, 1}, {2, 2, 0}});
  CHECK(equal(gather(x, 0, index), tensor({{0.0, 9.0, 6.0}, {8.0, 9.0, 2.0}})));
  CHECK(equal(gather(x, 1, index), tensor({{0.0, 2.0, 1.0}, {6.0, 6.0, 4.0}})));
  const Tensor source = tensor({{1.0, 2.0, 3.0, 9.0}, {4.0, 5.0, 6.0, 9.0}});
  CHECK(equal(scatter_add(zeros({3, 4}), 0, index, source),
              tensor({{1.0, 0.0, 6.0, 0.0}, {0.0, 0.0, 3.0, 0.0}, {4.0, 7.0, 0.0, 0.0}})));
  CHECK(equal(scatter_add(zeros({3, 4}), 1, index, source),
              tensor({{1.0, 3.0, 2.0, 0.0}, {6.0, 0.0, 9.0, 0.0}, {0.0, 0.0, 0.0, 0.0}})));
  CHECK(equal(take_along_dim(x, tensor({{3, 0}}), 1), tensor({{3.0, 0.0}, {7.0, 4.0}, {11.0, 8.0}})));
  CHECK(equal(gather(flip(x, 1), 1, index), tensor({{3.0, 1.0, 2.0}, {5.0, 5.0, 7.0}})));
  CHECK(equal(gather(expand(tensor({{5, 6}}), {3, 2}), 1, tensor({{1}, {0}, {1}})), tensor({{6}, {5}, {6}})));
  CHECK(gather(x, 0, zeros({0, 4}, i64)).shape() == Shape({0, 4}));
  CHECK(equal(scatter_add(x, 0, zeros({0, 4}, i64), zeros({0, 4})), x));
}

TEST_CASE("index_select, index_add and one_hot agree with PyTorch") {
  const Tensor x = counting({3, 4});
  CHECK(equal(index_select(x, 0, tensor({2, 0, 2})),
              tensor({{8.0, 9.0, 10.0, 11.0}, {0.0, 1.0, 2.0, 3.0}, {8.0, 9.0, 10.0, 11.0}})));
  CHECK(equal(index_select(t(x), 0, tensor({1})), tensor({{1.0, 5.0, 9.0}})));
  CHECK(equal(index_add(x, 1, tensor({3, 0, 3}), ones({3, 3})),
              tensor({{1.0, 1.0, 2.0, 5.0}, {5.0, 5.0, 6.0, 9.0}, {9.0, 9.0, 10.0, 13.0}})));
  CHECK(index_select(x, 1, zeros(0, i64)).shape() == Shape({3, 0}));
  CHECK(index_select(zeros({3, 0}), 0, tensor({1, 1})).shape() == Shape({2, 0}));
  CHECK(equal(index_add(x, 1, zeros(0, i64), zeros({3, 0})), x));
  CHECK(equal(one_hot(tensor({0, 2})), tensor({{1, 0, 0}, {0, 0, 1}})));
  CHECK(equal(one_hot(tensor(1), 3), tensor({0, 1, 0})));
  CHECK(one_hot(zeros({0, 2}, i64), 3).shape() == Shape({0, 2, 3}));
}

TEST_CASE("sums into a handle that somebody else holds leave the others alone") {
  Tensor x = zeros({2, 2});
  const Tensor copy = x;
  const Tensor y = index_add(std::move(x), 0, tensor({0}), ones({1, 2}));
  CHECK(equal(copy, zeros({2, 2})));
  CHECK(equal(y, tensor({{1.0, 1.0}, {0.0, 0.0}})));
  const Tensor view = slice(y, 0, {.stop = 1});
  CHECK(equal(scatter_add(view, 0, tensor({{0, 0}}), ones({1, 2})), tensor({{2.0, 2.0}})));
  CHECK(equal(y, tensor({{1.0, 1.0}, {0.0, 0.0}})));
}

TEST_CASE("sums over many equal indices are the same bits on any number of threads, in the order of the index") {
  const int before = threads();
  const Tensor index = randint(0, 3, 20000, random_key(5, "index"));
  const Tensor source = randn({20000, 3}, f32, random_key(5, "source"));
  const Tensor wide = expand(unsqueeze(index, 1), {-1, 3});
  std::vector<float> expected(9, 0.0F);
  const std::vector<std::int64_t> at = index.to_vector<std::int64_t>();
  const std::vector<float> values = source.to_vector<float>();
  for (std::size_t i = 0; i < at.size(); ++i) {
    for (std::size_t j = 0; j < 3; ++j) expected[static_cast<std::size_t>(at[i]) * 3 + j] += values[3 * i + j];
  }
  for (const int count : {1, 2, 3, 8}) {
    set_threads(count);
    CHECK(index_add(zeros({3, 3}), 0, index, source).to_vector<float>() == expected);
    CHECK(scatter_add(zeros({3, 3}), 0, wide, source).to_vector<float>() == expected);
  }
  set_threads(before);
}

TEST_CASE("indexing says what is out of range, and where") {
  const Tensor x = zeros({3, 4});
  CHECK(error_of([&] {
          gather(x, 0, tensor({{0, 1}, {2, 3}}));
        }) == "gather: index 3 at (1, 1) is out of range [0, 2]");
  CHECK(error_of([&] {
          index_select(x, 1, tensor({0, -1, 9}));
        }) == "index_select: index -1 at (1,) is out of range [0, 3]");
  CHECK(error_of([&] {
          index_add(x, 0, tensor({3}), zeros({1, 4}));
        }) == "index_add: index 3 at (0,) is out of range [0, 2]");
  CHECK(error_of([&] {
          scatter_add(x, 1, tensor({{4}}), zeros({1, 1}));
        }) == "scatter_add: index 4 at (0, 0) is out of range [0, 3]");
  CHECK(error_of([&] {
          index_select(zeros({0, 4}), 0, tensor({0}));
        }) == "index_select: index 0 at (0,) points into an empty dimension");
  CHECK(error_of([&] { one_hot(tensor({0, 5}), 5); }) == "one_hot: index 5 at (1,) is out of range [0, 4]");
  CHECK(error_of([&] { one_hot(tensor({0, -2})); }) == "one_hot: index -2 at (1,) is out of range [0, 0]");
}

TEST_CASE("indexing says which shapes and types do not fit") {
  const Tensor x = zeros({3, 4});
  CHECK(error_of([&] { gather(x, 0, zeros({1, 4})); }) == "gather: the index is f32; use cast(index, i64)");
  CHECK(error_of([&] { gather(x, 0, tensor({1})); }) == "gather: an index of shape (1,) reaches beyond shape (3, 4)");
  CHECK(error_of([&] {
          gather(x, 0, zeros({1, 5}, i64));
        }) == "gather: an index of shape (1, 5) reaches beyond shape (3, 4)");
  CHECK(error_of([&] { gather(tensor(1.0), 0, tensor(0)); }) == "gather: a tensor of rank 0 has no dimensions");
  CHECK(error_of([&] {
          scatter_add(x, 0, zeros({2, 4}, i64), zeros({1, 4}));
        }) == "scatter_add: an index of shape (2, 4) reaches beyond shape (1, 4)");
  CHECK(error_of([&] {
          scatter_add(x, 0, zeros({1, 4}, i64), zeros({1, 4}, f64));
        }) == "scatter_add: the inputs are f32 and f64; use cast(source, f32)");
  CHECK(error_of([&] { index_select(x, 0, tensor({{1}})); }) ==
        "index_select: the index has shape (1, 1); use one of rank 1");
  CHECK(error_of([&] {
          index_add(x, 0, tensor({1}), zeros({2, 4}));
        }) == "index_add: a source of shape (2, 4); x and the index ask for (1, 4)");
  CHECK(error_of([&] { take_along_dim(x, tensor({1}), 0); }) ==
        "take_along_dim: an index of shape (1,) for shape (3, 4); the ranks differ");
  CHECK(error_of([&] { one_hot(zeros(0, i64)); }) ==
        "one_hot: no labels to count the classes of; give the number of classes");
  CHECK(error_of([&] { one_hot(tensor({1.0}), 3); }) == "one_hot: the index is f32; use cast(index, i64)");
  CHECK(error_of([&] { masked_fill(x, x, 0); }) == "masked_fill: the mask is f32; use cast(mask, boolean)");
  CHECK(error_of([&] {
          masked_fill(tensor({1, 2}), tensor({true, false}), 0.5);
        }) == "masked_fill: 0.5 is no value of a i64 tensor; use cast()");
  CHECK(error_of([&] { tril(zeros(3)); }) == "tril: shape (3,) is no matrix");
}

TEST_CASE("masked_fill, tril and triu agree with PyTorch") {
  const Tensor x = counting({3, 4});
  CHECK(equal(masked_fill(tensor({1.0, 2.0}), tensor({{true, false}, {false, true}}), -1),
              tensor({{-1.0, 2.0}, {1.0, -1.0}})));
  CHECK(equal(masked_fill(tensor({true, true}), tensor({true, false}), 0), tensor({false, true})));
  CHECK(masked_fill(tensor(2.0), tensor(true), 5).item() == 5);
  CHECK(masked_fill(zeros({0, 2}), zeros({0, 2}, boolean), 5).shape() == Shape({0, 2}));
  CHECK(equal(tril(x, 1), tensor({{0.0, 1.0, 0.0, 0.0}, {4.0, 5.0, 6.0, 0.0}, {8.0, 9.0, 10.0, 11.0}})));
  CHECK(equal(triu(x, -1), tensor({{0.0, 1.0, 2.0, 3.0}, {4.0, 5.0, 6.0, 7.0}, {0.0, 9.0, 10.0, 11.0}})));
}
