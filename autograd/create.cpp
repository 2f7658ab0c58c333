#include "ravel/autograd/create.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"

namespace ravel {
namespace {

// A fresh tensor whose element i is f(i), of f's type.
template <class F>
Tensor generate(const Shape& shape, const F& f) {
  using T = std::invoke_result_t<F, std::int64_t>;
  Ref<Array> y = Array::packed(dtype_of<T>, shape);
  T* const out = y->data<T>();
  parallel(y->numel(), kernels::elements_per_task, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = f(i);
  });
  return Tensor(std::move(y));
}

// The same, of the given type.
template <class F>
Tensor generate(const Shape& shape, Dtype dtype, const F& f) {
  return visit_any(dtype,
                   [&]<class T>() { return generate(shape, [&](std::int64_t i) { return static_cast<T>(f(i)); }); });
}

// A fresh tensor whose elements 4 b .. 4 b + 3 are the values that draw(words of block b) returns.
template <class T, class Draw>
Tensor generate_random(const Shape& shape, const RandomKey& key, const Draw& draw) {
  Ref<Array> y = Array::packed(dtype_of<T>, shape);
  T* const out = y->data<T>();
  const std::int64_t numel = y->numel();
  parallel((numel + 3) / 4, kernels::elements_per_task / 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::array<T, 4> values = draw(philox(key, static_cast<std::uint64_t>(block)));
      std::copy_n(values.begin(), std::min<std::int64_t>(4, numel - 4 * block), out + 4 * block);
    }
  });
  return Tensor(std::move(y));
}

// The upper 24 bits of a word as a number in [0, 1), exact in f32.
double unit(std::uint32_t word) { return (word >> 8) * 0x1p-24; }

// Two normal values from two words.
std::array<double, 2> box_muller(std::uint32_t a, std::uint32_t b) {
  const double radius = std::sqrt(-2 * std::log((a + 1.0) * 0x1p-32)), angle = 2 * std::numbers::pi * (b * 0x1p-32);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

// An integer in [0, range) from random block `block`: the high half of 64 random bits times range, whose bias is below
// range / 2^64.
std::uint64_t below(std::uint64_t range, const RandomKey& key, std::int64_t block) {
  __extension__ using Wide = unsigned __int128;
  const std::array<std::uint32_t, 4> words = philox(key, static_cast<std::uint64_t>(block));
  const std::uint64_t bits = std::uint64_t{words[0]} << 32 | words[1];
  return static_cast<std::uint64_t>(Wide{range} * bits >> 64);
}

}  // namespace

Tensor full(const Shape& shape, double value, Dtype dtype) {
  return generate(shape, dtype, [=](std::int64_t) { return value; });
}
Tensor zeros(const Shape& shape, Dtype dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, Dtype dtype) { return full(shape, 1, dtype); }
Tensor full_like(const Tensor& x, double value) { return full(x.shape(), value, x.dtype()); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype()); }

Tensor arange(double start, double end, double step, Dtype dtype) {
  require(step != 0 && std::isfinite((end - start) / step), "arange: no way from {} to {} in steps of {}", start, end,
          step);
  const double count = std::max(0.0, std::ceil((end - start) / step));
  require(count < 1e15, "arange: {} values from {} to {} in steps of {} are too many", count, start, end, step);
  return generate(static_cast<std::int64_t>(count), dtype,
                  [=](std::int64_t i) { return start + static_cast<double>(i) * step; });
}
Tensor arange(std::int64_t end) { return arange(0, static_cast<double>(end), 1, i64); }

Tensor linspace(double start, double end, std::int64_t count, Dtype dtype) {
  require(count >= 0, "linspace: {} values; use 0 or more", count);
  const double step = count > 1 ? (end - start) / static_cast<double>(count - 1) : 0;
  // Both halves are counted from their own end, so that the last value is exactly `end`.
  return generate(count, dtype, [=](std::int64_t i) {
    return i < count / 2 ? start + static_cast<double>(i) * step
                         : (count == 1 ? start : end - static_cast<double>(count - 1 - i) * step);
  });
}

Tensor eye(std::int64_t size, Dtype dtype) {
  return generate({size, size}, dtype, [=](std::int64_t i) { return i / size == i % size ? 1.0 : 0.0; });
}

Tensor rand(const Shape& shape, Dtype dtype, const RandomKey& key) {
  return visit_floating(dtype, "rand", [&]<class T>() {
    return generate_random<T>(shape, key, [](const std::array<std::uint32_t, 4>& w) {
      return std::array<T, 4>{static_cast<T>(unit(w[0])), static_cast<T>(unit(w[1])), static_cast<T>(unit(w[2])),
                              static_cast<T>(unit(w[3]))};
    });
  });
}

Tensor randn(const Shape& shape, Dtype dtype, const RandomKey& key) {
  return visit_floating(dtype, "randn", [&]<class T>() {
    return generate_random<T>(shape, key, [](const std::array<std::uint32_t, 4>& w) {
      const auto [a, b] = box_muller(w[0], w[1]);
      const auto [c, d] = box_muller(w[2], w[3]);
      return std::array<T, 4>{static_cast<T>(a), static_cast<T>(b), static_cast<T>(c), static_cast<T>(d)};
    });
  });
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const RandomKey& key) {
  require(low < high, "randint: no integers in [{}, {})", low, high);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  return generate(shape, [=](std::int64_t i) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(range, key, i));
  });
}

Tensor bernoulli(const Tensor& probability, const RandomKey& key) {
  const std::vector<double> p = visit_floating(probability.dtype(), "bernoulli", [&]<class T>() {
    const std::vector<T> values = probability.to_vector<T>();
    return std::vector<double>(values.begin(), values.end());
  });
  for (const double value : p) require(value >= 0 && value <= 1, "bernoulli: {} is no probability", value);
  return generate(probability.shape(), [&](std::int64_t i) {
    return unit(philox(key, static_cast<std::uint64_t>(i / 4))[static_cast<std::size_t>(i % 4)]) <
           p[static_cast<std::size_t>(i)];
  });
}

Tensor randperm(std::int64_t size, const RandomKey& key) {
  require(size >= 0, "randperm: a size of {}", size);
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates 1938, from the end.
  for (std::int64_t i = size - 1; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)], order[below(static_cast<std::uint64_t>(i) + 1, key, i)]);
  }
  return from_vector(order);
}

NestedList::NestedList(std::int64_t value, Dtype dtype) : values_{static_cast<double>(value)}, dtype_(dtype) {
  constexpr std::int64_t exact = std::int64_t{1} << 53;
  require(value >= -exact && value <= exact, "tensor: {} is too large for a list of numbers; use from_vector()", value);
}

NestedList::NestedList(std::initializer_list<NestedList> lists) : dtype_(f32) {
  shape_.push_back(static_cast<std::int64_t>(lists.size()));
  if (lists.size() == 0) return;
  const Shape& first = lists.begin()->shape_;
  for (const std::int64_t size : first) shape_.push_back(size);
  dtype_ = lists.begin()->dtype_;
  for (const NestedList& list : lists) {
    require(list.shape_ == first, "tensor: a list of shape {} stands beside one of shape {}", list.shape_, first);
    if (list.dtype_ != dtype_) dtype_ = list.dtype_ == f32 || dtype_ == f32 ? f32 : i64;
    values_.insert(values_.end(), list.values_.begin(), list.values_.end());
  }
}

Tensor tensor(const NestedList& list, Dtype dtype) {
  return generate(list.shape(), dtype, [&](std::int64_t i) { return list.values()[static_cast<std::size_t>(i)]; });
}
Tensor tensor(const NestedList& list) { return tensor(list, list.dtype()); }

template <class T>
Tensor from_data(const T* values, const Shape& shape) {
  Ref<Array> y = Array::packed(dtype_of<T>, shape);
  std::copy_n(values, y->numel(), y->data<T>());
  return Tensor(std::move(y));
}

template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape) {
  require(shape.numel() == static_cast<std::int64_t>(values.size()),
          "from_vector: shape {} holds {} elements, the vector {}", shape, shape.numel(), values.size());
  if constexpr (std::is_same_v<T, bool>) {
    return generate(shape, [&](std::int64_t i) -> bool { return values[static_cast<std::size_t>(i)]; });
  } else {
    return from_data(values.data(), shape);
  }
}

template Tensor from_data(const float*, const Shape&);
template Tensor from_data(const double*, const Shape&);
template Tensor from_data(const std::int64_t*, const Shape&);
template Tensor from_data(const std::uint8_t*, const Shape&);
template Tensor from_data(const bool*, const Shape&);
template Tensor from_vector(const std::vector<float>&, const Shape&);
template Tensor from_vector(const std::vector<double>&, const Shape&);
template Tensor from_vector(const std::vector<std::int64_t>&, const Shape&);
template Tensor from_vector(const std::vector<std::uint8_t>&, const Shape&);
template Tensor from_vector(const std::vector<bool>&, const Shape&);

}  // namespace ravel
