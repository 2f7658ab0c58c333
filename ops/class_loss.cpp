// nll_loss and cross_entropy: losses over classes, for class indices in fused kernels over rows of classes.
#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/loss.hpp"
#include "ravel/ops/loss.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"
#include "ravel/ops/softmax.hpp"

namespace ravel {
namespace {

int class_dim(const Tensor& x) { return x.rank() == 1 ? 0 : 1; }

// (C), (N, C) or (N, C, d...) as (rows, C).
Tensor class_rows(const Tensor& x) {
  if (x.rank() == 2) return x;
  const std::int64_t classes = x.shape()[class_dim(x)];
  Dims dims;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (dim != class_dim(x)) dims.push_back(dim);
  }
  dims.push_back(class_dim(x));
  const std::int64_t rows = classes > 0 ? x.numel() / classes : 0;
  return reshape(permute(x, dims), {rows, classes});
}

// Class indices that have been checked: one for each row.
struct Classes {
  Tensor index;   // (rows), packed
  Tensor weight;  // (classes), packed, or undefined
  std::int64_t ignored, classes;
  double smoothing = 0;

  std::int64_t rows() const { return index.numel(); }

  template <class T>
  kernels::ClassTargets<T> targets() const {
    kernels::ClassTargets<T> targets{index.data<std::int64_t>(), nullptr, ignored, classes, static_cast<T>(smoothing),
                                     static_cast<T>(classes)};
    if (!weight.defined()) return targets;
    targets.weight = weight.data<T>();
    targets.total_weight = static_cast<T>(sum(weight).item());
    return targets;
  }

  // The sum of the weights of all targets: the divisor of the mean.
  double total_weight(Dtype dtype) const {
    return visit_floating(dtype, "cross_entropy", [&]<class T>() {
      const kernels::ClassTargets<T> all = targets<T>();
      double total = 0;
      for (std::int64_t row = 0; row < rows(); ++row) {
        if (all.counts(row)) total += static_cast<double>(all.weight_of(all.index[row]));
      }
      return total;
    });
  }
};

Classes check_classes(const char* op, const Tensor& x, const Tensor& target, const Tensor& weight,
                      std::int64_t ignored) {
  require(x.rank() > 0, "{}: the input needs a dimension for the classes", op);
  Shape expected = x.shape();
  expected.erase(class_dim(x));
  require(target.dtype() == i64, "{}: class indices must be i64, got {}; use cast(target, i64)", op, target.dtype());
  require(target.shape() == expected, "{}: an input of shape {} needs class indices of shape {}, got {}", op, x.shape(),
          expected, target.shape());
  const std::int64_t classes = x.shape()[class_dim(x)];
  if (weight.defined()) {
    require(weight.dtype() == x.dtype() && weight.shape() == Shape(classes),
            "{}: weight must be {} of shape {}, got {} of shape {}", op, x.dtype(), Shape(classes), weight.dtype(),
            weight.shape());
    require(!weight.requires_grad(), "{}: weight has no gradient; use weight.detach()", op);
  }
  Classes result{reshape(packed(target), target.numel()), weight.defined() ? packed(weight) : weight, ignored, classes};
  const std::int64_t* const index = result.index.data<std::int64_t>();
  for (std::int64_t row = 0; row < result.rows(); ++row) {
    require(index[row] == ignored || (index[row] >= 0 && index[row] < classes),
            "{}: label {} at position {} is out of range [0, {})", op, index[row], row, classes);
  }
  return result;
}

Tensor reduced(const Tensor& losses, const Shape& shape, Reduction reduction, double divisor) {
  if (reduction == Reduction::none) return reshape(losses, shape);
  return reduction == Reduction::sum ? sum(losses) : sum(losses) / divisor;
}

// The adjoint of reduced(): the gradient of each row's loss.
Tensor spread(const Tensor& g, std::int64_t rows, Reduction reduction, double divisor) {
  if (reduction == Reduction::none) return reshape(g, rows);
  return expand(reduction == Reduction::sum ? g : g / divisor, rows);
}

// The sum of each row's target distribution.
Tensor masses(const Classes& classes, Dtype dtype) {
  return visit_floating(dtype, "cross_entropy", [&]<class T>() {
    Ref<Array> y = Array::packed(dtype, classes.rows());
    const kernels::ClassTargets<T> targets = classes.targets<T>();
    for (std::int64_t row = 0; row < classes.rows(); ++row) y->data<T>()[row] = targets.mass(row);
    return Tensor(std::move(y));
  });
}

// -weight[t] x[t] for each row of x; 0 where it is ignored.
Tensor nll_rows(const Tensor& x, const Classes& classes) {
  return visit_floating(x.dtype(), "nll_loss", [&]<class T>() {
    const Tensor rows = packed(x.detach());
    Ref<Array> y = Array::packed(x.dtype(), classes.rows());
    const kernels::ClassTargets<T> targets = classes.targets<T>();
    for (std::int64_t row = 0; row < classes.rows(); ++row) {
      const std::int64_t c = targets.index[row];
      y->data<T>()[row] =
          targets.counts(row) ? -targets.weight_of(c) * rows.data<T>()[row * classes.classes + c] : T{0};
    }
    return Tensor(std::move(y));
  });
}

Tensor nll_rows_backward(const Tensor& g, const Classes& classes) {
  return visit_floating(g.dtype(), "nll_loss_backward", [&]<class T>() {
    const Tensor gradient = packed(g.detach());
    Ref<Array> y = Array::packed(g.dtype(), {classes.rows(), classes.classes});
    const kernels::ClassTargets<T> targets = classes.targets<T>();
    T* const out = y->data<T>();
    std::fill(out, out + y->numel(), T{0});
    for (std::int64_t row = 0; row < classes.rows(); ++row) {
      if (!targets.counts(row)) continue;
      const std::int64_t c = targets.index[row];
      out[row * classes.classes + c] = -targets.weight_of(c) * gradient.data<T>()[row];
    }
    return Tensor(std::move(y));
  });
}

// The losses (rows) of cross_entropy, and the statistics (2, rows) that its gradient needs.
std::array<Tensor, 2> cross_entropy_forward(const Tensor& x, const Classes& classes) {
  return visit_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    const std::int64_t rows = classes.rows();
    Ref<Array> losses = Array::packed(x.dtype(), rows), statistics = Array::packed(x.dtype(), {2, rows});
    T* const largest = statistics->data<T>();
    kernels::cross_entropy_rows(rows, packed(x.detach()).data<T>(), classes.targets<T>(), losses->data<T>(), largest,
                                largest + rows);
    return std::array{Tensor(std::move(losses)), Tensor(std::move(statistics))};
  });
}

Classes check_smoothed(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  Classes classes = check_classes("cross_entropy", logits, target, options.weight, options.ignore_index);
  require(classes.classes > 0, "cross_entropy: logits of shape {} have no classes", logits.shape());
  classes.smoothing = options.label_smoothing;
  return classes;
}

Tensor cross_entropy_of_probabilities(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  require(logits.shape() == target.shape(),
          "cross_entropy: logits of shape {} need class probabilities of that shape, got {}", logits.shape(),
          target.shape());
  const int dim = class_dim(logits);
  const std::int64_t classes = logits.shape()[dim];
  const double smoothing = options.label_smoothing;
  const Tensor q = smoothing == 0 ? target : target * (1 - smoothing) + smoothing / static_cast<double>(classes);
  Tensor products = q * log_softmax(logits, dim);
  if (options.weight.defined()) {
    Shape shape = Shape::repeat(logits.rank(), 1);
    shape[dim] = classes;
    products = products * reshape(options.weight, shape);
  }
  const Tensor losses = -sum(products, dim);
  return reduced(losses, losses.shape(), options.reduction, static_cast<double>(losses.numel()));
}

}  // namespace

Tensor nll_loss(const Tensor& x, const Tensor& target, const NllOptions& options) {
  const Classes classes = check_classes("nll_loss", x, target, options.weight, options.ignore_index);
  const Tensor rows = class_rows(x);
  const double divisor = options.reduction == Reduction::mean ? classes.total_weight(x.dtype()) : 1;
  const auto pull = [classes, divisor, options](const Tensor& g) {
    const Tensor each = spread(g, classes.rows(), options.reduction, divisor);
    return nll_loss_backward(each, classes.index, classes.classes, options);
  };
  return record("nll_loss", reduced(nll_rows(rows, classes), target.shape(), options.reduction, divisor),
                Edge{rows, pull});
}

Tensor nll_loss_backward(const Tensor& g, const Tensor& target, std::int64_t classes, const NllOptions& options) {
  const Tensor rows = expand(zeros(1, g.dtype()), {g.numel(), classes});  // for its shape
  const Classes checked = check_classes("nll_loss_backward", rows, target, options.weight, options.ignore_index);
  const auto pull = [target, options](const Tensor& u) {
    return nll_loss(u, target, {options.weight, options.ignore_index, Reduction::none});
  };
  return record("nll_loss_backward", nll_rows_backward(g, checked), Edge{g, pull});
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  require(logits.rank() > 0, "cross_entropy: the logits need a dimension for the classes");
  require(options.label_smoothing >= 0 && options.label_smoothing <= 1,
          "cross_entropy: label_smoothing is {}, not in [0, 1]", options.label_smoothing);
  if (is_floating(target.dtype())) return cross_entropy_of_probabilities(logits, target, options);
  const Classes classes = check_smoothed(logits, target, options);
  const Tensor rows = class_rows(logits);
  const auto [losses, statistics] = cross_entropy_forward(rows, classes);
  const double divisor = options.reduction == Reduction::mean ? classes.total_weight(logits.dtype()) : 1;
  const auto pull = [rows, classes, kept = statistics, divisor, options](const Tensor& g) {
    const Tensor each = spread(g, classes.rows(), options.reduction, divisor);
    return cross_entropy_backward(each, rows, classes.index, options, kept);
  };
  return record("cross_entropy", reduced(losses, target.shape(), options.reduction, divisor), Edge{rows, pull});
}

Tensor cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target,
                              const CrossEntropyOptions& options, const Tensor& statistics) {
  const Classes classes = check_smoothed(logits, target, options);
  const Tensor kept = statistics.defined() ? statistics : cross_entropy_forward(logits, classes)[1];
  const Tensor y = visit_floating(logits.dtype(), "cross_entropy_backward", [&]<class T>() {
    Ref<Array> out = Array::packed(logits.dtype(), logits.shape());
    const Tensor gradient = packed(g.detach()), x = packed(logits.detach());
    kernels::cross_entropy_backward_rows(classes.rows(), gradient.data<T>(), x.data<T>(), classes.targets<T>(),
                                         kept.data<T>(), kept.data<T>() + classes.rows(), out->data<T>());
    return Tensor(std::move(out));
  });
  const auto pull_g = [logits, target, options](const Tensor& u) {
    const Tensor one = ones(target.shape(), u.dtype());
    return sum(u * cross_entropy_backward(one, logits, target, options), 1);
  };
  const auto pull_logits = [g, logits, classes](const Tensor& u) {
    const Tensor scale = reshape(g * masses(classes, g.dtype()), {classes.rows(), 1});
    return softmax_backward(u * broadcast("mul", scale, u), softmax(logits, 1), 1);
  };
  return record("cross_entropy_backward", y, Edge{g, pull_g}, Edge{logits, pull_logits});
}

}  // namespace ravel
