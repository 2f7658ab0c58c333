#include "ravel/ops/matmul.hpp"

#include <vector>

#include "ravel/autograd/record.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/gemm.hpp"
#include "ravel/ops/kernels/map.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

// The dimensions before the last two.
Shape batch_shape(const Tensor& x) { return Shape(std::span(x.shape().begin(), x.shape().end() - 2)); }

Shape with_matrix(Shape batch, std::int64_t rows, std::int64_t columns) {
  batch.push_back(rows);
  batch.push_back(columns);
  return batch;
}

// x (..., n) as a matrix with a row for each of the leading positions.
Tensor as_rows(const Tensor& x) {
  const Shape leading(std::span(x.shape().begin(), x.shape().end() - 1));
  return reshape(x, {leading.numel(), x.size(-1)});
}

// Where the matrices of a batch lie, in elements from the first; empty for a single one.
std::vector<std::int64_t> matrix_offsets(const Tensor& x) {
  if (x.rank() == 2) return {};
  std::vector<std::int64_t> offsets = {0};
  for (int dim = 0; dim < x.rank() - 2; ++dim) {
    std::vector<std::int64_t> outer = std::move(offsets);
    offsets.clear();
    for (const std::int64_t offset : outer) {
      for (std::int64_t i = 0; i < x.shape()[dim]; ++i) offsets.push_back(offset + i * x.strides()[dim]);
    }
  }
  return offsets;
}

template <class T>
kernels::Matrix<T> matrix_of(const Tensor& x) {
  return {x.array().data<T>(), x.strides()[x.rank() - 2], x.strides()[x.rank() - 1]};
}

// a (batch..., m, k) times b (batch..., k, n) plus `bias` (n), which may be undefined, and if so wanted relu of that,
// outside of the graph.
Tensor product_value(const char* op, const Tensor& a, const Tensor& b, const Tensor& bias, bool relu) {
  return visit_floating(kernels::common_dtype(op, a, b), op, [&]<class T>() {
    const std::int64_t rows = a.size(-2), columns = b.size(-1), depth = a.size(-1);
    Ref<Array> y = Array::packed(dtype_of<T>, with_matrix(batch_shape(a), rows, columns));
    if (y->numel() == 0) return Tensor(std::move(y));
    const std::vector<std::int64_t> a_offsets = matrix_offsets(a), b_offsets = matrix_offsets(b);
    const std::int64_t size = rows * columns;
    kernels::gemm<T>(rows, columns, depth, matrix_of<T>(a), matrix_of<T>(b), y->data<T>(), columns,
                     {.column_bias = bias.defined() ? bias.data<T>() : nullptr, .relu = relu},
                     {.count = y->numel() / size, .a = a_offsets, .b = b_offsets, .c_stride = size});
    return Tensor(std::move(y));
  });
}

// The product of two batches of matrices, or of two matrices, whose leading dimensions are equal.
Tensor product(const Tensor& a, const Tensor& b) {
  return record("matmul", product_value("matmul", a, b, {}, false),
                Edge{a, [b](const Tensor& g) { return product(g, transpose(b, -2, -1)); }},
                Edge{b, [a](const Tensor& g) { return product(transpose(a, -2, -1), g); }});
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, bool with_relu) {
  require(weight.rank() == 2, "linear: the weight has shape {}, needed is (out, in)", weight.shape());
  require(x.rank() >= 1 && x.size(-1) == weight.size(1),
          "linear: {} does not fit the weight {}, which takes {} features", x.shape(), weight.shape(), weight.size(1));
  require(!bias.defined() || bias.shape() == Shape(weight.size(0)), "linear: the bias has shape {}, needed is {}",
          bias.defined() ? bias.shape() : Shape(), Shape(weight.size(0)));
  const Tensor rows = as_rows(x), offset = bias.defined() ? packed(bias) : bias;
  if (bias.defined()) kernels::common_dtype("linear", x, weight, bias);
  Shape shape = x.shape();
  shape[x.rank() - 1] = weight.size(0);
  const Tensor y = record("linear", product_value("linear", rows, transpose(weight.detach(), 0, 1), offset, with_relu),
                          Edge{rows, [weight](const Tensor& g) { return product(g, weight); }},
                          Edge{weight, [rows](const Tensor& g) { return product(transpose(g, -2, -1), rows); }},
                          Edge{offset, [](const Tensor& g) { return sum(g, 0); }});
  return reshape(with_relu ? record_relu(y) : y, shape);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  require(a.rank() >= 1 && b.rank() >= 1, "matmul: needs tensors of rank 1 or more, got {} and {}; use *", a.shape(),
          b.shape());
  const Tensor x = a.rank() == 1 ? reshape(a, {1, a.size(0)}) : a, y = b.rank() == 1 ? reshape(b, {b.size(0), 1}) : b;
  const std::int64_t rows = x.size(-2), columns = y.size(-1), depth = x.size(-1);
  require(depth == y.size(-2), "matmul: {} and {} do not fit: the inner sizes are {} and {}", a.shape(), b.shape(),
          depth, y.size(-2));
  const Shape batch = broadcast_shapes("matmul", batch_shape(x), batch_shape(y));
  Shape shape = batch;
  if (a.rank() > 1) shape.push_back(rows);
  if (b.rank() > 1) shape.push_back(columns);
  // With one matrix for the whole batch, the batch becomes rows of a single product; so do its gradients.
  if (x.rank() > 2 && batch_shape(y).numel() == 1) {
    return reshape(product(as_rows(x), reshape(y, {depth, columns})), shape);
  }
  const Shape x_shape = with_matrix(batch, rows, depth), y_shape = with_matrix(batch, depth, columns);
  return reshape(product(x.shape() == x_shape ? x : expand(x, x_shape), y.shape() == y_shape ? y : expand(y, y_shape)),
                 shape);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) { return linear(x, weight, bias, false); }

Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  // Anomaly mode looks at the values that relu gets.
  return modes.anomaly ? relu(linear(x, weight, bias)) : linear(x, weight, bias, true);
}

Tensor dot(const Tensor& a, const Tensor& b) {
  require(a.rank() == 1 && b.rank() == 1, "dot: needs two vectors, got {} and {}; use matmul", a.shape(), b.shape());
  return matmul(a, b);
}

Tensor mv(const Tensor& matrix, const Tensor& vector) {
  require(matrix.rank() == 2 && vector.rank() == 1, "mv: needs a matrix and a vector, got {} and {}; use matmul",
          matrix.shape(), vector.shape());
  return matmul(matrix, vector);
}

Tensor outer(const Tensor& a, const Tensor& b) {
  require(a.rank() == 1 && b.rank() == 1, "outer: needs two vectors, got {} and {}", a.shape(), b.shape());
  return reshape(a, {a.size(0), 1}) * b;
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  require(a.rank() == 3 && b.rank() == 3 && a.size(0) == b.size(0),
          "bmm: needs (batch, m, k) and (batch, k, n), got {} and {}; use matmul", a.shape(), b.shape());
  return matmul(a, b);
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, const AddmmOptions& options) {
  require(a.rank() == 2 && b.rank() == 2, "addmm: needs two matrices, got {} and {}", a.shape(), b.shape());
  const Tensor y = matmul(a, b);
  require(broadcast_shapes("addmm", x.shape(), y.shape()) == y.shape(),
          "addmm: {} does not broadcast to the product's shape {}", x.shape(), y.shape());
  return x * options.beta + y * options.alpha;
}

}  // namespace ravel
