// What the op table cannot say of ops/slicing.hpp: values, borders and errors.
#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

// Python's indices of start:stop:step for a list of `size` elements, by its definition: walk until outside.
std::vector<std::int64_t> python_slice(std::int64_t size, const SliceOptions& options) {
  const std::int64_t step = options.step;
  const auto place = [&](const std::optional<std::int64_t>& position, std::int64_t otherwise) {
    if (!position) return otherwise;
    const std::int64_t p = *position < 0 ? *position + size : *position;
    if (p < 0) return std::int64_t{step > 0 ? 0 : -1};
    return p >= size ? (step > 0 ? size : size - 1) : p;
  };
  const std::int64_t start = place(options.start, step > 0 ? 0 : size - 1),
                     stop = place(options.stop, step > 0 ? size : -1);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step) indices.push_back(i);
  return indices;
}

Tensor counting(const Shape& shape) { return reshape(arange(0, static_cast<double>(shape.numel())), shape); }

}  // namespace

TEST_CASE("slice reads what Python's slice reads, for every start, stop and step") {
  for (std::int64_t size = 0; size <= 4; ++size) {
    const Tensor x = arange(size);
    std::vector<std::optional<std::int64_t>> positions = {std::nullopt};
    for (std::int64_t i = -size - 2; i <= size + 2; ++i) positions.push_back(i);
    for (const auto& start : positions) {
      for (const auto& stop : positions) {
        for (const std::int64_t step : {1, 2, 3, 9, -1, -2, -9}) {
          const SliceOptions options = {start, stop, step};
          INFO("size " << size << ", start " << start.value_or(99) << ", stop " << stop.value_or(99) << ", step "
                       << step);
          CHECK(slice(x, 0, options).to_vector<std::int64_t>() == python_slice(size, options));
        }
      }
    }
  }
}

TEST_CASE("slices, selections and reversals share memory and work on each other") {
  const Tensor x = counting({3, 4});
  CHECK(equal(slice(x, 1, {.start = 1, .step = 2}), tensor({{1.0, 3.0}, {5.0, 7.0}, {9.0, 11.0}})));
  CHECK(
      equal(slice(slice(x, 0, {.step = -1}), 0, {.step = -2}), tensor({{0.0, 1.0, 2.0, 3.0}, {8.0, 9.0, 10.0, 11.0}})));
  CHECK(equal(flip(slice(x, 0, {.stop = 2}), {0, 1}), tensor({{7.0, 6.0, 5.0, 4.0}, {3.0, 2.0, 1.0, 0.0}})));
  CHECK(equal(select(flip(x, 0), 0, 0), tensor({8.0, 9.0, 10.0, 11.0})));
  CHECK(select(select(x, 0, -1), 0, 1).item() == 9);
  CHECK(equal(flip(x, 1) * 1.0, flip(x, 1)));
  CHECK(equal(sum(flip(x, {0, 1}), 0), tensor({21.0, 18.0, 15.0, 12.0})));
  CHECK(equal(narrow(x, 1, -2, 2), tensor({{2.0, 3.0}, {6.0, 7.0}, {10.0, 11.0}})));
  CHECK(slice(x, 1, {.start = 2}).array().data<float>() == x.array().data<float>() + 2);
  CHECK(slice(x, 0, {.start = 5}).shape() == Shape({0, 4}));
  CHECK(flip(zeros({0, 2}), {0, 1}).shape() == Shape({0, 2}));
  CHECK(flip(tensor(1.0), {}).item() == 1);
}

TEST_CASE("slicing says what is out of range") {
  const Tensor x = zeros({3, 4}), scalar = tensor(1.0);
  CHECK(error_of([&] { select(x, 1, 4); }) == "select: index 4 is out of range for dimension 1 of shape (3, 4)");
  CHECK(error_of([&] { select(x, 0, -4); }) == "select: index -4 is out of range for dimension 0 of shape (3, 4)");
  CHECK(error_of([&] { select(scalar, 0, 0); }) == "select: a tensor of rank 0 has no dimensions");
  CHECK(error_of([&] { slice(x, 2, {}); }) == "slice: dimension 2 is out of range [-2, 1] of a tensor of rank 2");
  CHECK(error_of([&] { slice(x, 0, {.step = 0}); }) == "slice: a step of 0 goes nowhere; use 1, or -1 for backwards");
  CHECK(error_of([&] { slice(scalar, 0, {}); }) == "slice: a tensor of rank 0 has no dimensions");
  CHECK(error_of([&] { narrow(x, 1, 2, 3); }) == "narrow: 3 entries from 2 on are not in dimension 1 of shape (3, 4)");
  CHECK(error_of([&] {
          slice_backward(x, {3, 9}, 1, {.stop = 3});
        }) == "slice_backward: a gradient of shape (3, 4) for a slice of shape (3, 3)");
  CHECK(error_of([&] { flip(x, {0, 0}); }) == "flip: a dimension appears twice in (0, 0)");
}

TEST_CASE("pad puts entries around and removes them, as PyTorch does") {
  const Tensor x = counting({3, 4});
  CHECK(equal(pad(x, {1, -1, 0, 2}, {.value = 9}), tensor({{9.0, 0.0, 1.0, 2.0},
                                                           {9.0, 4.0, 5.0, 6.0},
                                                           {9.0, 8.0, 9.0, 10.0},
                                                           {9.0, 9.0, 9.0, 9.0},
                                                           {9.0, 9.0, 9.0, 9.0}})));
  CHECK(equal(pad(x, {-1, 2, 1, -2}), tensor({{0.0, 0.0, 0.0, 0.0, 0.0}, {1.0, 2.0, 3.0, 0.0, 0.0}})));
  CHECK(equal(pad(tensor({1, 2}), {1, 1}, {.value = 7}), tensor({7, 1, 2, 7})));
  CHECK(equal(pad(zeros({0, 2}), {0, 0, 1, 1}, {.value = 3}), full({2, 2}, 3)));
  CHECK(pad(tensor(5.0), {}).item() == 5);
  CHECK(error_of([&] { pad(x, {1}); }) ==
        "pad: 1 numbers for shape (3, 4); two for each padded dimension, the last dimension first");
  CHECK(error_of([&] {
          pad(x, {1, 1, 1, 1, 1, 1});
        }) == "pad: 6 numbers for shape (3, 4); two for each padded dimension, the last dimension first");
  CHECK(error_of([&] { pad(x, {-3, -2}); }) == "pad: (-3, -2) removes more than dimension 1 of shape (3, 4) has");
  CHECK(error_of([&] {
          pad(tensor({1, 2}), {1, 1}, {.value = 0.5});
        }) == "pad: 0.5 is no value of a i64 tensor; use cast()");
}

TEST_CASE("cat and stack put tensors together") {
  const Tensor x = tensor({{1, 2}, {3, 4}}), y = tensor({{5}, {6}});
  CHECK(equal(cat({x, y, y}, 1), tensor({{1, 2, 5, 5}, {3, 4, 6, 6}})));
  CHECK(equal(cat({x, t(x)}), tensor({{1, 2}, {3, 4}, {1, 3}, {2, 4}})));
  CHECK(equal(stack({x, t(x)}, -1), tensor({{{1, 1}, {2, 3}}, {{3, 2}, {4, 4}}})));
  CHECK(equal(stack({tensor(1), tensor(2)}), tensor({1, 2})));
  CHECK(cat({zeros({0, 2}), zeros({3, 2}), zeros({0, 2})}).shape() == Shape({3, 2}));
  CHECK(stack({zeros({0, 2}), zeros({0, 2})}, 1).shape() == Shape({0, 2, 2}));
  CHECK(error_of([] { cat({}); }) == "cat: no tensors; give one or more");
  CHECK(error_of([] { stack({}); }) == "stack: no tensors; give one or more");
  CHECK(error_of([&] { cat({x, y}); }) == "cat: input 1 of shape (2, 1) does not fit beside (2, 2)");
  CHECK(error_of([&] { stack({x, y}); }) == "stack: input 1 of shape (2, 1) does not fit beside (2, 2)");
  CHECK(error_of([&] { cat({x, zeros({2, 2})}); }) == "cat: the inputs are i64 and f32; use cast(x, i64)");
  CHECK(error_of([&] { cat({tensor(1), tensor(2)}); }) == "cat: a tensor of rank 0 has no dimensions");
}

TEST_CASE("split, chunk and unbind take tensors apart") {
  const auto sizes = [](const std::vector<Tensor>& parts) {
    std::vector<std::int64_t> result;
    for (const Tensor& part : parts) result.push_back(part.size(0));
    return result;
  };
  using Sizes = std::vector<std::int64_t>;
  CHECK(sizes(split(arange(7), 3)) == Sizes{3, 3, 1});
  CHECK(sizes(split(arange(7), {2, 0, 5})) == Sizes{2, 0, 5});
  CHECK(sizes(split(arange(0), 3)) == Sizes{0});
  CHECK(sizes(chunk(arange(7), 3)) == Sizes{3, 3, 1});
  CHECK(sizes(chunk(arange(5), 4)) == Sizes{2, 2, 1});
  CHECK(sizes(chunk(arange(0), 2)) == Sizes{0, 0});
  CHECK(equal(split(arange(7), {2, 5})[1], tensor({2, 3, 4, 5, 6})));
  CHECK(equal(unbind(tensor({{1, 2}, {3, 4}}), 1)[1], tensor({2, 4})));
  CHECK(unbind(zeros({0, 2})).empty());
  CHECK(unbind(zeros({0, 2}).requires_grad_()).empty());
  CHECK(split(zeros({0, 2}).requires_grad_(), std::vector<std::int64_t>{}).empty());
  CHECK(unbind(zeros(3))[2].rank() == 0);
  CHECK(error_of([] {
          split(arange(7), {2, 4});
        }) == "split: the parts have 6 entries, dimension 0 of shape (7,) has 7");
  CHECK(error_of([] { split(arange(7), {8, -1}); }) == "split: a part of size -1");
  CHECK(error_of([] { split(arange(7), 0); }) == "split: a part size of 0; use 1 or more");
  CHECK(error_of([] { chunk(arange(7), 0); }) == "chunk: 0 parts; use 1 or more");
  CHECK(error_of([] { unbind(tensor(1.0)); }) == "unbind: a tensor of rank 0 has no dimensions");
}

TEST_CASE("a part of size 0 has its share in the gradient") {
  const Tensor x = counting({4, 2}).requires_grad_();
  const std::vector<Tensor> parts = split(x, {1, 0, 3});
  CHECK(
      equal(grad(sum(parts[1]) + sum(parts[2] * 2), {x})[0], tensor({{0.0, 0.0}, {2.0, 2.0}, {2.0, 2.0}, {2.0, 2.0}})));
}

TEST_CASE("a loop over unbind adds one node for the sequence, and one gradient") {
  const std::int64_t steps = 1000;
  const Tensor x = ones({steps, 2}).requires_grad_();
  Tensor total = zeros(2);
  for (const Tensor& step : unbind(x)) total += step * 2;
  int gradients_of_x = 0;
  {
    const EdgeFilterGuard guard([&](const Node& node, int, Tensor g) {
      gradients_of_x += std::string(node.op()) == "unbind";
      return g;
    });
    sum(total).backward();
  }
  CHECK(gradients_of_x == 1);
  CHECK(equal(x.grad(), full({steps, 2}, 2)));
}

TEST_CASE("repeat tiles and roll rotates") {
  const Tensor x = counting({3, 4});
  CHECK(equal(repeat(tensor({{1, 2}, {3, 4}}), {2, 2}),
              tensor({{1, 2, 1, 2}, {3, 4, 3, 4}, {1, 2, 1, 2}, {3, 4, 3, 4}})));
  CHECK(repeat(zeros(3), {2, 1, 2}).shape() == Shape({2, 1, 6}));
  CHECK(repeat(zeros({2, 3}), {0, 2}).shape() == Shape({0, 6}));
  CHECK(equal(repeat(tensor(4), {3}), tensor({4, 4, 4})));
  CHECK(error_of([&] { repeat(x, {2}); }) == "repeat: 1 numbers for the dimensions of shape (3, 4)");
  CHECK(error_of([&] { repeat(x, {2, -1}); }) == "repeat: -1 repeats of dimension 1");
  CHECK(equal(roll(x, 3, 1), tensor({{1.0, 2.0, 3.0, 0.0}, {5.0, 6.0, 7.0, 4.0}, {9.0, 10.0, 11.0, 8.0}})));
  CHECK(equal(roll(x, -1, 0), tensor({{4.0, 5.0, 6.0, 7.0}, {8.0, 9.0, 10.0, 11.0}, {0.0, 1.0, 2.0, 3.0}})));
  CHECK(equal(roll(x, 8, -1), x));
  CHECK(roll(zeros({0, 2}), 1, 0).shape() == Shape({0, 2}));
}
