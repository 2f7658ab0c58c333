#include "ravel/ops/reduction.hpp"

#include <cmath>
#include <limits>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/comparison.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/math.hpp"
#include "ravel/ops/kernels/reduce.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/shape.hpp"
#include "ravel/ops/slicing.hpp"

namespace ravel {
namespace {

using kernels::add;
using kernels::larger;
using kernels::map_floating;
using kernels::reduce;
using kernels::smaller;

template <class T>
constexpr T least = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                         : std::numeric_limits<T>::lowest();
template <class T>
constexpr T greatest = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                            : std::numeric_limits<T>::max();

// A reduction of a tensor: which dimensions go, and the way from the shape of the result back to that of the input.
struct Reduced {
  Reduced(const Tensor& x, const Dims& which, const char* op)
      : dims(wrap_dims(which, x.rank(), op)), from(x.shape()), kept(x.shape()) {
    for (const std::int64_t dim : dims) {
      kept[static_cast<int>(dim)] = 1;
      count *= x.shape()[static_cast<int>(dim)];
    }
  }
  // The reduced values under the shape that the op returns.
  Tensor shaped(const Tensor& values, bool keepdim) const { return keepdim ? reshape(values, kept) : values; }
  // One value per output, repeated for each element that went into it.
  Tensor spread(const Tensor& values) const { return expand(reshape(values, kept), from); }

  Dims dims;
  Shape from, kept;
  std::int64_t count = 1;  // elements per output
};

void require_elements(const char* op, const Reduced& over) {
  require(over.count > 0, "{}: shape {} has no elements to choose from over the dimensions {}", op, over.from,
          over.dims);
}

void require_floating(const char* op, const Tensor& x) {
  require(is_floating(x.dtype()), "{}: needs f32 or f64, got {}; use cast(x, f32)", op, x.dtype());
}

Tensor sum_values(const Tensor& x, const Dims& dims) {
  return visit_any(x.dtype(), [&]<class T>() {
    using Total = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
    return reduce<Total, T>(x, dims, Total{0}, add);
  });
}

Tensor max_values(const Tensor& x, const Dims& dims) {
  return visit_any(x.dtype(), [&]<class T>() { return reduce<T>(x, dims, least<T>, larger); });
}

Tensor min_values(const Tensor& x, const Dims& dims) {
  return visit_any(x.dtype(), [&]<class T>() { return reduce<T>(x, dims, greatest<T>, smaller); });
}

Tensor record_extreme(const char* op, const Tensor& x, const Tensor& y, const Reduced& over) {
  const auto pull = [over, x = x.detach()](const Tensor& g, const Tensor& y) {
    const Tensor ties = cast(x == over.spread(y.detach()), x.dtype());
    return over.spread(g) * (ties / over.spread(sum(ties, over.dims)));
  };
  return record(op, y, Edge{x, pull});
}

// The index of the first element that is the best of its output, by best_of(values, dims), or NaN.
template <class F>
Tensor index_of_best(const char* op, const Tensor& x, const Dims& dim, bool keepdim, const F& best_of) {
  require(dim.rank() <= 1, "{}: one dimension or all, not {}", op, dim);
  const Reduced over(x, dim, op);
  require_elements(op, over);
  const bool all = over.dims.rank() == x.rank();
  const Tensor rows = packed(all ? reshape(x.detach(), -1) : movedim(x.detach(), over.dims, -1));
  const Tensor index = visit_any(x.dtype(), [&]<class T>() {
    return kernels::first_index<T>(rows.data<T>(), over.count, best_of(rows, rows.rank() - 1));
  });
  return over.shaped(index, keepdim);
}

constexpr auto square_root = [](auto v) { return std::sqrt(v); };

// `y`, with 1 instead of 0: a divisor for numerators that are 0 there.
Tensor nonzero(const Tensor& y) { return where(y.detach() == 0, 1, y); }

// The sum of the squared distances from the mean, divided by count - correction.
Tensor var_values(const Tensor& x, const Reduced& over, double divisor) {
  const Tensor center = over.spread(sum_values(x, over.dims) / static_cast<double>(over.count));
  const auto squared_distance = [](auto u, auto m) { return (u - m) * (u - m); };
  return sum_values(map_floating("var", squared_distance, x, center), over.dims) / divisor;
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "sum");
  return record("sum", over.shaped(sum_values(x, over.dims), keepdim),
                Edge{x, [over](const Tensor& g) { return over.spread(g); }});
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  require_floating("mean", x);
  const Reduced over(x, dims, "mean");
  const double count = static_cast<double>(over.count);
  return record("mean", over.shaped(sum_values(x, over.dims) / count, keepdim),
                Edge{x, [over, count](const Tensor& g) { return over.spread(g / count); }});
}

Tensor max(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "max");
  require_elements("max", over);
  return record_extreme("max", x, over.shaped(max_values(x, over.dims), keepdim), over);
}

Tensor min(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "min");
  require_elements("min", over);
  return record_extreme("min", x, over.shaped(min_values(x, over.dims), keepdim), over);
}

Tensor argmax(const Tensor& x, const Dims& dim, bool keepdim) {
  return index_of_best("argmax", x, dim, keepdim, max_values);
}

Tensor argmin(const Tensor& x, const Dims& dim, bool keepdim) {
  return index_of_best("argmin", x, dim, keepdim, min_values);
}

Tensor var(const Tensor& x, const Dims& dims, VarOptions options) {
  require_floating("var", x);
  const Reduced over(x, dims, "var");
  const double divisor = std::max(0.0, static_cast<double>(over.count) - options.correction);
  const auto pull = [over, x, divisor](const Tensor& g) {
    return over.spread(g * (2 / divisor)) * (x - mean(x, over.dims, true));
  };
  return record("var", over.shaped(var_values(x, over, divisor), options.keepdim), Edge{x, pull});
}

Tensor stddev(const Tensor& x, const Dims& dims, VarOptions options) {
  require_floating("stddev", x);
  const Reduced over(x, dims, "stddev");
  const double divisor = std::max(0.0, static_cast<double>(over.count) - options.correction);
  const Tensor y = map_floating("stddev", square_root, var_values(x, over, divisor));
  const auto pull = [over, x, divisor](const Tensor& g, const Tensor& y) {
    return over.spread(g / (nonzero(y) * divisor)) * (x - mean(x, over.dims, true));
  };
  return record("stddev", over.shaped(y, options.keepdim), Edge{x, pull});
}

Tensor norm(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "norm");
  const auto squared = [](auto v) { return v * v; };
  const Tensor y = map_floating("norm", square_root, sum_values(map_floating("norm", squared, x), over.dims));
  const auto pull = [over, x](const Tensor& g, const Tensor& y) { return over.spread(g / nonzero(y)) * x; };
  return record("norm", over.shaped(y, keepdim), Edge{x, pull});
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "logsumexp");
  // An infinite maximum is not subtracted: inf - inf is NaN.
  const auto finite = [](auto v) { return v - v == 0 ? v : 0; };
  const auto power = [](auto v, auto shift) { return kernels::exp(v - shift); };
  const auto unshifted = [](auto total, auto shift) { return shift + kernels::log(total); };
  const Tensor shift = map_floating("logsumexp", finite, max_values(x, over.dims));
  const Tensor powers = map_floating("logsumexp", power, x, over.spread(shift));
  const Tensor y = map_floating("logsumexp", unshifted, sum_values(powers, over.dims), shift);
  const auto pull = [over, x](const Tensor& g, const Tensor& y) { return over.spread(g) * exp(x - over.spread(y)); };
  return record("logsumexp", over.shaped(y, keepdim), Edge{x, pull});
}

Tensor prod(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "prod");
  Dims order;
  Shape shape;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (over.dims.contains(dim)) continue;
    order.push_back(dim);
    shape.push_back(x.shape()[dim]);
  }
  for (const std::int64_t dim : over.dims) order.push_back(dim);
  Shape rows = shape;
  rows.push_back(over.count);
  if (over.count == 0) return over.shaped(ones(shape, x.dtype()), keepdim);
  // Halves are multiplied until one column is left: the derivatives are right where factors are 0 too.
  Tensor y = reshape(permute(x, order), rows);
  for (std::int64_t count = over.count; count > 1; count = y.size(-1)) {
    const std::int64_t half = count / 2;
    const Tensor products = narrow(y, -1, 0, half) * narrow(y, -1, half, half);
    y = count % 2 == 0 ? products : cat({products, narrow(y, -1, count - 1, 1)}, -1);
  }
  return reshape(y, keepdim ? over.kept : shape);
}

Tensor cumsum(const Tensor& x, std::int64_t dim, CumsumOptions options) {
  const int along = wrap_dim(dim, std::max(x.rank(), 1), "cumsum");
  std::int64_t inner = 1, count = x.rank() > 0 ? x.shape()[along] : 1;
  for (int d = along + 1; d < x.rank(); ++d) inner *= x.shape()[d];
  const Tensor y = visit_numeric(x.dtype(), "cumsum", [&]<class T>() {
    return kernels::cumulate<T>(packed(x.detach()), count, inner, options.reverse);
  });
  return record("cumsum", y, Edge{x, [dim, options](const Tensor& g) { return cumsum(g, dim, {!options.reverse}); }});
}

Tensor all(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "all");
  const Tensor y = visit_any(
      x.dtype(), [&]<class T>() { return reduce<bool, T>(x, over.dims, true, [](bool a, bool b) { return a && b; }); });
  return over.shaped(y, keepdim);
}

Tensor any(const Tensor& x, const Dims& dims, bool keepdim) {
  const Reduced over(x, dims, "any");
  const Tensor y = visit_any(x.dtype(), [&]<class T>() {
    return reduce<bool, T>(x, over.dims, false, [](bool a, bool b) { return a || b; });
  });
  return over.shaped(y, keepdim);
}

}  // namespace ravel
