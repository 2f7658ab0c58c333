// Shapes, strides and lists of dimensions: short lists of integers that live inline, never on the heap.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "ravel/autograd/error.hpp"

namespace ravel {

inline constexpr int max_rank = 8;

// A list of at most `max_rank` integers: the sizes of a tensor's dimensions, outermost first. Also used for strides (in
// elements) and for lists of dimensions.
class Shape {
 public:
  Shape() = default;
  // One integer is a list too: zeros(3) and sum(x, 1) read as they do in NumPy.
  template <std::integral T>
  requires(!std::same_as<T, bool>)  // NOLINTNEXTLINE(google-explicit-constructor)
      Shape(T value)
      : rank_(1) {
    values_[0] = static_cast<std::int64_t>(value);
  }
  Shape(std::initializer_list<std::int64_t> values) : Shape(std::span(values.begin(), values.size())) {}
  explicit Shape(std::span<const std::int64_t> values) : rank_(static_cast<int>(values.size())) {
    require(values.size() <= max_rank, "a shape has at most {} dimensions, here are {}", max_rank, values.size());
    std::copy(values.begin(), values.end(), values_.begin());
  }
  // `rank` times `value`.
  static Shape repeat(int rank, std::int64_t value);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  std::int64_t operator[](int dim) const { return values_[static_cast<std::size_t>(dim)]; }
  std::int64_t& operator[](int dim) { return values_[static_cast<std::size_t>(dim)]; }
  const std::int64_t* begin() const { return values_.data(); }
  const std::int64_t* end() const { return values_.data() + rank_; }
  std::int64_t* begin() { return values_.data(); }
  std::int64_t* end() { return values_.data() + rank_; }
  std::int64_t back() const { return values_[static_cast<std::size_t>(rank_) - 1]; }

  void push_back(std::int64_t value) { insert(rank_, value); }
  // Puts `value` before position `dim`.
  void insert(int dim, std::int64_t value);
  void erase(int dim);
  bool contains(std::int64_t value) const { return std::find(begin(), end(), value) != end(); }

  // The number of elements of a tensor of this shape; an error for negative sizes and on overflow.
  std::int64_t numel() const;
  // The strides of a packed row-major tensor of this shape.
  Shape packed_strides() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<std::int64_t, max_rank> values_{};
  int rank_ = 0;
};

using Strides = Shape;
using Dims = Shape;

// `dim` counted from the end when negative, as in NumPy; an error that names `op` when it is not in [-rank, rank).
int wrap_dim(std::int64_t dim, int rank, const char* op);
// All of `dims` wrapped, sorted and checked for repeats; an empty list means every dimension.
Dims wrap_dims(const Dims& dims, int rank, const char* op);

// As Python writes a tuple: (), (3,), (2, 3).
std::string to_string(const Shape& shape);

}  // namespace ravel

template <>
struct fmt::formatter<ravel::Shape> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  fmt::format_context::iterator format(const ravel::Shape& shape, fmt::format_context& context) const;
};
