#include "ravel/ops/indexing.hpp"

#include <algorithm>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/copy.hpp"
#include "ravel/ops/kernels/index.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/shape.hpp"
#include "ravel/ops/slicing.hpp"

namespace ravel {
namespace {

int existing_dim(const char* op, std::int64_t dim, const Tensor& x) {
  require(x.rank() > 0, "{}: a tensor of rank 0 has no dimensions", op);
  return wrap_dim(dim, x.rank(), op);
}

// `index`, packed, after checking its type and that all of it is in [0, size).
Tensor checked_index(const char* op, const Tensor& index, std::int64_t size) {
  require(index.dtype() == i64, "{}: the index is {}; use cast(index, i64)", op, index.dtype());
  const Tensor y = packed(index);
  const std::int64_t* const begin = y.data<std::int64_t>();
  const std::int64_t* const end = begin + y.numel();
  if (kernels::all_below(begin, y.numel(), size)) return y;
  const std::int64_t* const bad = std::find_if(begin, end, [size](std::int64_t i) { return i < 0 || i >= size; });
  Shape position = y.shape();
  std::int64_t rest = bad - begin;
  for (int dim = y.rank() - 1; dim >= 0; --dim) {
    position[dim] = rest % y.shape()[dim];
    rest /= y.shape()[dim];
  }
  require(size > 0, "{}: index {} at {} points into an empty dimension", op, *bad, position);
  fail("{}: index {} at {} is out of range [0, {}]", op, *bad, position, size - 1);
}

// Checks that `index` has the rank of `x` and is nowhere larger, but for dimension `free` (-1 for none).
void require_within(const char* op, const Tensor& index, const Tensor& x, int free) {
  bool fits = index.rank() == x.rank();
  for (int dim = 0; fits && dim < x.rank(); ++dim) fits = dim == free || index.shape()[dim] <= x.shape()[dim];
  require(fits, "{}: an index of shape {} reaches beyond shape {}", op, index.shape(), x.shape());
}

void require_same_type(const char* op, const Tensor& x, const Tensor& source) {
  require(x.dtype() == source.dtype(), "{}: the inputs are {} and {}; use cast(source, {})", op, x.dtype(),
          source.dtype(), x.dtype());
}

// The leading part of `x` that is as large as `shape`.
Tensor crop(const Tensor& x, const Shape& shape) {
  Tensor y = x;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (y.shape()[dim] != shape[dim]) y = slice(y, dim, {.stop = shape[dim]});
  }
  return y;
}

// The elements of `x` for an op to add to: in place if nothing else refers to them, else a copy.
Ref<Array> owned(const Tensor& x) { return x.array().is_reusable() ? x.array_ref() : kernels::packed_copy(x.array()); }

}  // namespace

Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index) {
  const int at = existing_dim("gather", dim, x);
  require_within("gather", index, x, at);
  const Tensor from = checked_index("gather", index, x.shape()[at]);
  Ref<Array> y = Array::packed(x.dtype(), from.shape());
  kernels::gather(*y, x.array(), at, from.array());
  return record("gather", Tensor(std::move(y)), Edge{x, [at, from, shape = x.shape()](const Tensor& g) {
                                                       return scatter_add(zeros(shape, g.dtype()), at, from, g);
                                                     }});
}

Tensor scatter_add(Tensor x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  const int at = existing_dim("scatter_add", dim, x);
  require_same_type("scatter_add", x, source);
  require_within("scatter_add", index, source, -1);
  require_within("scatter_add", index, x, at);
  const Tensor to = checked_index("scatter_add", index, x.shape()[at]), from = crop(source, index.shape());
  Ref<Array> y = owned(x);
  kernels::scatter_add(*y, at, to.array(), packed(from.detach()).array());
  return record("scatter_add", Tensor(std::move(y)), Edge{x, [](const Tensor& g) { return g; }},
                Edge{from, [at, to](const Tensor& g) { return gather(g, at, to); }});
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::int64_t dim) {
  const int at = existing_dim("take_along_dim", dim, x);
  require(index.rank() == x.rank(), "take_along_dim: an index of shape {} for shape {}; the ranks differ",
          index.shape(), x.shape());
  Shape one = index.shape();
  one[at] = 1;
  Shape target = x.shape();
  target[at] = 1;
  Shape from = broadcast_shapes("take_along_dim", target, one), to = from;
  from[at] = x.shape()[at];
  to[at] = index.shape()[at];
  return gather(expand(x, from), at, expand(index, to));
}

Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index) {
  const int at = existing_dim("index_select", dim, x);
  require(index.rank() == 1, "index_select: the index has shape {}; use one of rank 1", index.shape());
  const Tensor from = checked_index("index_select", index, x.shape()[at]);
  Shape shape = x.shape();
  shape[at] = from.numel();
  Ref<Array> y = Array::packed(x.dtype(), shape);
  kernels::index_select(*y, packed(x.detach()).array(), at, from.array());
  return record("index_select", Tensor(std::move(y)), Edge{x, [at, from, all = x.shape()](const Tensor& g) {
                                                             return index_add(zeros(all, g.dtype()), at, from, g);
                                                           }});
}

Tensor index_add(Tensor x, std::int64_t dim, const Tensor& index, const Tensor& source) {
  const int at = existing_dim("index_add", dim, x);
  require_same_type("index_add", x, source);
  require(index.rank() == 1, "index_add: the index has shape {}; use one of rank 1", index.shape());
  Shape expected = x.shape();
  expected[at] = index.numel();
  require(source.shape() == expected, "index_add: a source of shape {}; x and the index ask for {}", source.shape(),
          expected);
  const Tensor to = checked_index("index_add", index, x.shape()[at]);
  Ref<Array> y = owned(x);
  kernels::index_add(*y, at, to.array(), packed(source.detach()).array());
  return record("index_add", Tensor(std::move(y)), Edge{x, [](const Tensor& g) { return g; }},
                Edge{source, [at, to](const Tensor& g) { return index_select(g, at, to); }});
}

Tensor one_hot(const Tensor& labels, std::int64_t classes) {
  require(classes >= -1, "one_hot: {} classes; use 1 or more, or -1 to count them", classes);
  if (classes == -1) {
    require(labels.numel() > 0, "one_hot: no labels to count the classes of; give the number of classes");
    const std::vector<std::int64_t> values = labels.to_vector<std::int64_t>();
    classes = *std::max_element(values.begin(), values.end()) + 1;
  }
  const Tensor at = unsqueeze(checked_index("one_hot", labels, classes), -1);
  Shape shape = at.shape();
  shape[at.rank() - 1] = classes;
  return scatter_add(zeros(shape, i64), -1, at, ones(at.shape(), i64));
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  require(mask.dtype() == boolean, "masked_fill: the mask is {}; use cast(mask, boolean)", mask.dtype());
  require_element("masked_fill", value, x.dtype());
  const Tensor from = broadcast("masked_fill", x, mask), hidden = broadcast("masked_fill", mask, x);
  const Tensor y = visit_any(x.dtype(), [&]<class T>() {
    return kernels::map<T, bool>([fill = static_cast<T>(value)](T v, bool m) { return m ? fill : v; }, from, hidden);
  });
  return record("masked_fill", y, Edge{from, [hidden](const Tensor& g) { return masked_fill(g, hidden, 0); }});
}

namespace {

// A mask (n, m) for matrices of `x` that is true where column - row lies in [low, high].
Tensor band(const char* op, const Tensor& x, std::int64_t low, std::int64_t high) {
  require(x.rank() >= 2, "{}: shape {} is no matrix", op, x.shape());
  const std::int64_t rows = x.size(-2), columns = x.size(-1);
  Ref<Array> y = Array::packed(boolean, {rows, columns});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) y->data<bool>()[i * columns + j] = j - i >= low && j - i <= high;
  }
  return Tensor(std::move(y));
}

constexpr std::int64_t unbounded = std::int64_t{1} << 60;

}  // namespace

Tensor tril(const Tensor& x, std::int64_t diagonal) {
  return masked_fill(x, band("tril", x, diagonal + 1, unbounded), 0);
}

Tensor triu(const Tensor& x, std::int64_t diagonal) {
  return masked_fill(x, band("triu", x, -unbounded, diagonal - 1), 0);
}

}  // namespace ravel
