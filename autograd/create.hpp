// Making tensors.
#pragma once

#include <concepts>
#include <initializer_list>
#include <vector>

#include "ravel/autograd/random.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel {

Tensor zeros(const Shape& shape, Dtype dtype = f32);
Tensor ones(const Shape& shape, Dtype dtype = f32);
Tensor full(const Shape& shape, double value, Dtype dtype = f32);
// Of the shape and type of `x`.
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor full_like(const Tensor& x, double value);

// start, start + step, ... up to but without `end`.
Tensor arange(double start, double end, double step = 1, Dtype dtype = f32);
// 0, 1, ..., end - 1 as integers.
Tensor arange(std::int64_t end);
// `count` values from `start` to `end`, both included, at equal distances.
Tensor linspace(double start, double end, std::int64_t count, Dtype dtype = f32);
// The identity matrix (size, size).
Tensor eye(std::int64_t size, Dtype dtype = f32);

// Uniform in [0, 1).
Tensor rand(const Shape& shape, Dtype dtype = f32, const RandomKey& key = next_random_key());
// Normal with mean 0 and standard deviation 1 (Box and Muller 1958).
Tensor randn(const Shape& shape, Dtype dtype = f32, const RandomKey& key = next_random_key());
// Integers, uniform in [low, high).
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const RandomKey& key = next_random_key());
// A mask of the shape of `probability` that is true with that probability.
Tensor bernoulli(const Tensor& probability, const RandomKey& key = next_random_key());
// A random order of 0, 1, ..., size - 1.
Tensor randperm(std::int64_t size, const RandomKey& key = next_random_key());

// A list of numbers or of such lists, as deep as it is nested; all lists of a level are equally long.
class NestedList {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  NestedList(bool value) : values_{static_cast<double>(value)}, dtype_(boolean) {}
  NestedList(std::floating_point auto value) : values_{static_cast<double>(value)}, dtype_(f32) {}
  // Integers beyond 2^53 are an error: from_vector() takes them.
  NestedList(std::integral auto value) : NestedList(static_cast<std::int64_t>(value), i64) {}
  NestedList(std::initializer_list<NestedList> lists);
  // NOLINTEND(google-explicit-constructor)
  const std::vector<double>& values() const { return values_; }
  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }

 private:
  NestedList(std::int64_t value, Dtype dtype);

  std::vector<double> values_;
  Shape shape_;
  Dtype dtype_;
};

// A tensor from nested lists, as in tensor({{1, 2}, {3, 4}}): i64 from integers, f32 where one number is floating,
// boolean from bools.
Tensor tensor(const NestedList& list);
Tensor tensor(const NestedList& list, Dtype dtype);
// A tensor of the values' type with a copy of `values` in row-major order; by default of rank 1.
template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape);
template <class T>
Tensor from_vector(const std::vector<T>& values) {
  return from_vector(values, Shape(values.size()));
}
// A tensor with a copy of the shape.numel() packed elements at `values`.
template <class T>
Tensor from_data(const T* values, const Shape& shape);

}  // namespace ravel
