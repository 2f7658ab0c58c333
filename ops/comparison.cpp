#include "ravel/ops/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/map.hpp"

namespace ravel {
namespace {

using kernels::map_any;
using kernels::map_floating;
using kernels::map_numeric;

template <class F>
Tensor compare(const char* op, const Tensor& a, const Tensor& b, const F& f) {
  const Tensor x = broadcast(op, a.detach(), b), y = broadcast(op, b.detach(), a);
  return map_any(op, f, x, y);
}

// Integers are compared as doubles, so that a number with a fraction means what it says.
template <class F>
Tensor compare(const Tensor& x, double number, const F& f) {
  return visit_any(x.dtype(), [&]<class T>() {
    using Wide = std::conditional_t<std::is_same_v<T, float>, float, double>;
    return kernels::map<T>([f, n = static_cast<Wide>(number)](T v) -> bool { return f(static_cast<Wide>(v), n); }, x);
  });
}

void require_mask(const char* op, const Tensor& mask) {
  require(mask.dtype() == boolean, "{}: needs a mask, got {}; use x != 0", op, mask.dtype());
}

// mask ? x : y for arrays of equal shapes, outside of the graph.
Tensor choose(const Tensor& mask, const Tensor& x, const Tensor& y) {
  return visit_any(kernels::common_dtype("where", x, y), [&]<class T>() {
    return kernels::map<bool, T, T>([](bool take, T u, T v) { return take ? u : v; }, mask, x, y);
  });
}

// mask == when ? x : number.
template <bool when>
Tensor choose(const Tensor& mask, const Tensor& x, double number) {
  return visit_any(x.dtype(), [&]<class T>() {
    const auto f = [n = static_cast<T>(number)](bool take, T v) { return take == when ? v : n; };
    return kernels::map<bool, T>(f, mask, x);
  });
}

// f of the elements of two masks.
template <class F>
Tensor combine_masks(const char* op, const Tensor& a, const Tensor& b, const F& f) {
  require_mask(op, a);
  require_mask(op, b);
  return kernels::map<bool, bool>(f, broadcast(op, a, b), broadcast(op, b, a));
}

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) { return compare("eq", a, b, std::equal_to<>()); }
Tensor ne(const Tensor& a, const Tensor& b) { return compare("ne", a, b, std::not_equal_to<>()); }
Tensor lt(const Tensor& a, const Tensor& b) { return compare("lt", a, b, std::less<>()); }
Tensor le(const Tensor& a, const Tensor& b) { return compare("le", a, b, std::less_equal<>()); }
Tensor gt(const Tensor& a, const Tensor& b) { return compare("gt", a, b, std::greater<>()); }
Tensor ge(const Tensor& a, const Tensor& b) { return compare("ge", a, b, std::greater_equal<>()); }
Tensor eq(const Tensor& x, double number) { return compare(x, number, std::equal_to<>()); }
Tensor ne(const Tensor& x, double number) { return compare(x, number, std::not_equal_to<>()); }
Tensor lt(const Tensor& x, double number) { return compare(x, number, std::less<>()); }
Tensor le(const Tensor& x, double number) { return compare(x, number, std::less_equal<>()); }
Tensor gt(const Tensor& x, double number) { return compare(x, number, std::greater<>()); }
Tensor ge(const Tensor& x, double number) { return compare(x, number, std::greater_equal<>()); }

Tensor logical_and(const Tensor& a, const Tensor& b) {
  return combine_masks("logical_and", a, b, [](bool u, bool v) -> bool { return u & v; });
}

Tensor logical_or(const Tensor& a, const Tensor& b) {
  return combine_masks("logical_or", a, b, [](bool u, bool v) -> bool { return u | v; });
}

Tensor logical_not(const Tensor& mask) {
  require_mask("logical_not", mask);
  return kernels::map<bool>([](bool v) { return !v; }, mask);
}

Tensor isnan(const Tensor& x) {
  return map_any(
      "isnan", [](auto v) -> bool { return v != v; }, x);
}

Tensor isfinite(const Tensor& x) {
  if (!is_floating(x.dtype())) return eq(x, x);
  return map_floating(
      "isfinite", [](auto v) { return std::abs(v) <= std::numeric_limits<decltype(v)>::max(); }, x);
}

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  require_mask("where", mask);
  const Tensor both = broadcast("where", mask, broadcast("where", a.detach(), b));
  const Tensor m = both, x = broadcast("where", a, both), y = broadcast("where", b, both);
  return record("where", choose(m, x, y), Edge{x, [m](const Tensor& g) { return where(m, g, 0); }},
                Edge{y, [m](const Tensor& g) { return where(m, 0, g); }});
}

Tensor where(const Tensor& mask, const Tensor& a, double number) {
  require_mask("where", mask);
  const Tensor m = broadcast("where", mask, a), x = broadcast("where", a, mask);
  return record("where", choose<true>(m, x, number), Edge{x, [m](const Tensor& g) { return where(m, g, 0); }});
}

Tensor where(const Tensor& mask, double number, const Tensor& a) {
  require_mask("where", mask);
  const Tensor m = broadcast("where", mask, a), x = broadcast("where", a, mask);
  return record("where", choose<false>(m, x, number), Edge{x, [m](const Tensor& g) { return where(m, 0, g); }});
}

Tensor maximum(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("maximum", x, y, maximum);
  const auto larger = [](auto u, auto v) { return u > v || u != u ? u : v; };
  return record("maximum", map_numeric("maximum", larger, x, y),
                Edge{x, [x, y](const Tensor& g) { return maximum_backward(g, x, y); }},
                Edge{y, [x, y](const Tensor& g) { return maximum_backward(g, y, x); }});
}

Tensor minimum(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return broadcast("minimum", x, y, minimum);
  const auto smaller = [](auto u, auto v) { return u < v || u != u ? u : v; };
  return record("minimum", map_numeric("minimum", smaller, x, y),
                Edge{x, [x, y](const Tensor& g) { return maximum_backward(g, y, x); }},
                Edge{y, [x, y](const Tensor& g) { return maximum_backward(g, x, y); }});
}

Tensor maximum_backward(const Tensor& g, const Tensor& x, const Tensor& y) {
  const auto part = [](auto h, auto u, auto v) { return u < v ? 0 : (u == v ? h / 2 : h); };
  return record("maximum_backward", map_floating("maximum_backward", part, g, x, y),
                Edge{g, [x, y](const Tensor& h) { return maximum_backward(h, x, y); }});
}

Tensor clamp(const Tensor& x, const ClampOptions& options) {
  require(options.min || options.max, "clamp: neither min nor max is given; give one, as in clamp(x, {{.min = 0}})");
  const Tensor y = visit_numeric(x.dtype(), "clamp", [&]<class T>() {
    using Limits = std::numeric_limits<T>;
    const T most = Limits::has_infinity ? Limits::infinity() : Limits::max();
    const T least = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    const T high = options.max ? static_cast<T>(*options.max) : most;
    const T low = std::min(options.min ? static_cast<T>(*options.min) : least, high);
    return kernels::map<T>([low, high](T v) { return v < low ? low : (v > high ? high : v); }, x);
  });
  return record("clamp", y, Edge{x, [x, options](const Tensor& g) { return clamp_backward(g, x, options); }});
}

Tensor clamp(const Tensor& x, double min, double max) { return clamp(x, {.min = min, .max = max}); }

Tensor clamp_backward(const Tensor& g, const Tensor& x, const ClampOptions& options) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor part = visit_floating(kernels::common_dtype("clamp_backward", g, x), "clamp_backward", [&]<class T>() {
    const T low = static_cast<T>(options.min.value_or(-infinity)),
            high = static_cast<T>(options.max.value_or(infinity));
    return kernels::map<T, T>([low, high](T h, T v) { return v >= low && v <= high ? h : 0; }, g, x);
  });
  return record("clamp_backward", part,
                Edge{g, [x, options](const Tensor& h) { return clamp_backward(h, x, options); }});
}

}  // namespace ravel
