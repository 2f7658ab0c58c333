#include "ravel/autograd/compare.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ravel/autograd/hash.hpp"

namespace ravel {

bool equal(const Tensor& x, const Tensor& y) {
  if (x.dtype() != y.dtype() || x.shape() != y.shape()) return false;
  return visit_any(x.dtype(), [&]<class T>() { return x.to_vector<T>() == y.to_vector<T>(); });
}

bool allclose(const Tensor& x, const Tensor& y, double rtol, double atol) {
  require(x.dtype() == y.dtype(), "allclose: the inputs are {} and {}; use cast()", x.dtype(), y.dtype());
  if (x.shape() != y.shape()) return false;
  return visit_any(x.dtype(), [&]<class T>() {
    const std::vector<T> a = x.to_vector<T>(), b = y.to_vector<T>();
    return std::equal(a.begin(), a.end(), b.begin(), [=](T u, T v) {
      return u == v ||
             (std::isfinite(static_cast<double>(v)) && std::abs(static_cast<double>(u) - static_cast<double>(v)) <=
                                                           atol + rtol * std::abs(static_cast<double>(v)));
    });
  });
}

std::uint64_t hash_of(const Tensor& x) {
  Hash hash;
  hash.add(static_cast<std::uint64_t>(x.dtype()));
  for (const std::int64_t size : x.shape()) hash.add(static_cast<std::uint64_t>(size));
  visit_any(x.dtype(), [&]<class T>() {
    for (const T value : x.to_vector<T>()) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &value, sizeof(T));
      hash.add(bits);
    }
  });
  return hash.value();
}

}  // namespace ravel
