#include "ravel/ops/softmax.hpp"

#include <algorithm>
#include <tuple>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/kernels/softmax.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

// kernel(rows, count, x..., y) over the innermost dimension of tensors of one shape.
template <class Kernel, class... Tensors>
Tensor by_rows(const char* op, const Kernel& kernel, const Tensors&... x) {
  const Tensor& first = std::get<0>(std::tie(x...));
  (require(x.shape() == first.shape(), "{}: shapes {} and {} differ", op, first.shape(), x.shape()), ...);
  return visit_floating(kernels::common_dtype(op, x...), op, [&]<class T>() {
    Ref<Array> y = Array::packed(first.dtype(), first.shape());
    const std::int64_t count = first.shape().back();
    kernel(count > 0 ? first.numel() / count : 0, count, packed(x.detach()).template data<T>()..., y->data<T>());
    return Tensor(std::move(y));
  });
}

bool is_innermost(const Tensor& x, std::int64_t dim, const char* op) {
  return wrap_dim(dim, std::max(x.rank(), 1), op) == x.rank() - 1;
}

// f(x..., -1) for tensors in which `dim` has become the innermost dimension.
template <class F, class... Tensors>
Tensor with_innermost(std::int64_t dim, const F& f, const Tensor& first, const Tensors&... others) {
  if (first.rank() == 0) return reshape(f(reshape(first, 1), reshape(others, 1)..., -1), {});
  return packed(transpose(f(transpose(first, dim, -1), transpose(others, dim, -1)..., -1), dim, -1));
}

// Are there so many neighbours of each element along `dim` that a kernel over columns is worth while?
bool is_wide(const Tensor& x, std::int64_t dim) {
  std::int64_t columns = 1;
  for (int d = x.rank() - 1; d > wrap_dim(dim, x.rank(), "softmax"); --d) columns *= x.shape()[d];
  return columns >= kernels::softmax_least_columns;
}

// kernel(outer, rows, columns, x, y) with dimension `dim` as the rows of packed matrices.
template <class Kernel>
Tensor by_columns(const char* op, std::int64_t dim, const Kernel& kernel, const Tensor& x) {
  return visit_floating(x.dtype(), op, [&]<class T>() {
    Ref<Array> y = Array::packed(x.dtype(), x.shape());
    const int along = wrap_dim(dim, x.rank(), op);
    std::int64_t outer = 1, columns = 1;
    for (int d = 0; d < along; ++d) outer *= x.shape()[d];
    for (int d = along + 1; d < x.rank(); ++d) columns *= x.shape()[d];
    kernel(outer, x.shape()[along], columns, packed(x.detach()).template data<T>(), y->data<T>());
    return Tensor(std::move(y));
  });
}

}  // namespace

Tensor softmax(const Tensor& x, std::int64_t dim) {
  const bool by_row = is_innermost(x, dim, "softmax");
  if (!by_row && !is_wide(x, dim)) return with_innermost(dim, softmax, x);
  const auto over_rows = [](auto... arguments) { kernels::softmax_rows(arguments...); };
  const auto over_columns = [](auto... arguments) { kernels::softmax_columns(arguments...); };
  const Tensor y = by_row ? by_rows("softmax", over_rows, x) : by_columns("softmax", dim, over_columns, x);
  return record("softmax", y, Edge{x, [dim](const Tensor& g, const Tensor& y) { return softmax_backward(g, y, dim); }});
}

Tensor log_softmax(const Tensor& x, std::int64_t dim) {
  const bool by_row = is_innermost(x, dim, "log_softmax");
  if (!by_row && !is_wide(x, dim)) return with_innermost(dim, log_softmax, x);
  const auto over_rows = [](auto... arguments) { kernels::log_softmax_rows(arguments...); };
  const auto over_columns = [](auto... arguments) { kernels::log_softmax_columns(arguments...); };
  const Tensor y = by_row ? by_rows("log_softmax", over_rows, x) : by_columns("log_softmax", dim, over_columns, x);
  return record("log_softmax", y,
                Edge{x, [dim](const Tensor& g, const Tensor& y) { return log_softmax_backward(g, y, dim); }});
}

Tensor softmax_backward(const Tensor& g, const Tensor& y, std::int64_t dim) {
  if (!is_innermost(y, dim, "softmax_backward")) return with_innermost(dim, softmax_backward, g, y);
  const auto kernel = [](auto... arguments) { kernels::softmax_backward_rows(arguments...); };
  const auto pull_y = [g, y](const Tensor& u) { return u * (g - sum(g * y, -1, true)) - g * sum(u * y, -1, true); };
  return record("softmax_backward", by_rows("softmax_backward", kernel, g, y),
                Edge{g, [y](const Tensor& u) { return softmax_backward(u, y, -1); }}, Edge{y, pull_y});
}

Tensor log_softmax_backward(const Tensor& g, const Tensor& y, std::int64_t dim) {
  if (!is_innermost(y, dim, "log_softmax_backward")) return with_innermost(dim, log_softmax_backward, g, y);
  const auto kernel = [](auto... arguments) { kernels::log_softmax_backward_rows(arguments...); };
  return record("log_softmax_backward", by_rows("log_softmax_backward", kernel, g, y),
                Edge{g, [y](const Tensor& u) { return u - sum(u * exp(y), -1, true); }},
                Edge{y, [g, y](const Tensor& u) { return -u * exp(y) * sum(g, -1, true); }});
}

}  // namespace ravel
