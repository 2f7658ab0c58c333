#include "ravel/ops/arithmetic.hpp"

#include <cmath>
#include <functional>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/map.hpp"

namespace ravel {
namespace {

using kernels::map_floating;
using kernels::map_numeric;

// f(element, number), with the number as the element's type; a fraction beside integers is an error.
template <class F>
Tensor map_with_number(const char* op, const Tensor& x, double number, const F& f) {
  require(x.dtype() != i64 || (std::isfinite(number) && number == std::floor(number)),
          "{}: {} beside an i64 tensor; use cast(x, f32)", op, number);
  return visit_numeric(x.dtype(), op, [&]<class T>() {
    return kernels::map<T>([f, n = static_cast<T>(number)](auto v) { return f(v, n); }, x);
  });
}

// The same for divisions, which need floats.
template <class F>
Tensor divide(const Tensor& x, double number, const F& f) {
  return visit_floating(x.dtype(), "div", [&]<class T>() {
    return kernels::map<T>([f, n = static_cast<T>(number)](auto v) { return f(v, n); }, x);
  });
}

}  // namespace

Tensor operator+(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("add", x, y, std::plus());
  return record("add",
                map_numeric(
                    "add", [](auto u, auto v) { return u + v; }, x, y),
                Edge{x, [](const Tensor& g) { return g; }}, Edge{y, [](const Tensor& g) { return g; }});
}

Tensor operator-(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("sub", x, y, std::minus());
  return record("sub",
                map_numeric(
                    "sub", [](auto u, auto v) { return u - v; }, x, y),
                Edge{x, [](const Tensor& g) { return g; }}, Edge{y, [](const Tensor& g) { return -g; }});
}

Tensor operator*(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("mul", x, y, std::multiplies());
  return record("mul",
                map_numeric(
                    "mul", [](auto u, auto v) { return u * v; }, x, y),
                Edge{x, [y](const Tensor& g) { return g * y; }}, Edge{y, [x](const Tensor& g) { return g * x; }});
}

Tensor operator/(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("div", x, y, std::divides());
  return record("div",
                map_floating(
                    "div", [](auto u, auto v) { return u / v; }, x, y),
                Edge{x, [y](const Tensor& g) { return g / y; }},
                Edge{y, [y](const Tensor& g, const Tensor& z) { return -g * z / y; }});
}

Tensor operator-(const Tensor& x) {
  return record("neg",
                map_numeric(
                    "neg", [](auto v) { return -v; }, x),
                Edge{x, [](const Tensor& g) { return -g; }});
}

Tensor operator+(const Tensor& x, double number) {
  return record("add", map_with_number("add", x, number, [](auto v, auto n) { return v + n; }),
                Edge{x, [](const Tensor& g) { return g; }});
}

Tensor operator-(double number, const Tensor& x) {
  return record("sub", map_with_number("sub", x, number, [](auto v, auto n) { return n - v; }),
                Edge{x, [](const Tensor& g) { return -g; }});
}

Tensor operator*(const Tensor& x, double number) {
  return record("mul", map_with_number("mul", x, number, [](auto v, auto n) { return v * n; }),
                Edge{x, [number](const Tensor& g) { return g * number; }});
}

Tensor operator/(const Tensor& x, double number) {
  return record("div", divide(x, number, [](auto v, auto n) { return v / n; }),
                Edge{x, [number](const Tensor& g) { return g / number; }});
}

Tensor operator/(double number, const Tensor& x) {
  return record("div", divide(x, number, [](auto v, auto n) { return n / v; }),
                Edge{x, [x](const Tensor& g, const Tensor& y) { return -g * y / x; }});
}

Tensor operator+(double number, const Tensor& x) { return x + number; }
Tensor operator-(const Tensor& x, double number) { return x + -number; }
Tensor operator*(double number, const Tensor& x) { return x * number; }

Tensor add_reusing(Tensor&& a, const Tensor& b) {
  const bool reusable = !is_recording() && a.array().is_reusable() && a.dtype() == b.dtype() && a.shape() == b.shape();
  if (!reusable) return a + b;
  visit_numeric(a.dtype(), "add", [&]<class T>() {
    kernels::map_into<T, T>(a.array_ref()->template data<T>(), [](T u, T v) { return u + v; },
                            {&a.array(), &b.array()});
  });
  return a.detach();
}

}  // namespace ravel
