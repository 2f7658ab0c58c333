// Tensor: the type that users hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ravel/autograd/array.hpp"
#include "ravel/autograd/node.hpp"
#include "ravel/autograd/shape.hpp"

namespace ravel {

struct BackwardOptions {
  bool keep_graph = false;  // keep what the sweep would free, for another sweep
};

// A cheap handle to an immutable strided array plus its place in the graph. Copies share both. No operation changes a
// tensor's elements; `x += y` and requires_grad_() rebind this handle and leave every copy of it as it was.
class Tensor {
 public:
  // An undefined tensor: the "no bias" of a layer, the gradient of a leaf before the first backward().
  Tensor() = default;
  explicit Tensor(Ref<Array> array, Source source = {}) : array_(std::move(array)), source_(std::move(source)) {}

  bool defined() const { return static_cast<bool>(array_); }
  const Shape& shape() const { return array().shape(); }
  int rank() const { return shape().rank(); }
  // The size of dimension `dim`, counted from the end when negative.
  std::int64_t size(std::int64_t dim) const {
    require(rank() > 0, "size: a tensor of rank 0 has no dimensions");
    return shape()[wrap_dim(dim, rank(), "size")];
  }
  std::int64_t numel() const { return array().numel(); }
  Dtype dtype() const { return array().dtype(); }
  // In elements; 0 where a dimension is broadcast.
  const Strides& strides() const { return array().strides(); }
  bool is_packed() const { return array().is_packed(); }

  // The only element, as a number; an error unless there is exactly one.
  double item() const;
  // All elements in row-major order. T must be the C++ type of dtype().
  template <class T>
  std::vector<T> to_vector() const;
  // The first element in memory. T must be the C++ type of dtype(); the tensor must be packed (see packed()).
  template <class T>
  const T* data() const;

  // Does the graph lead from this tensor to a leaf?
  bool requires_grad() const { return static_cast<bool>(source_.node); }
  bool is_leaf() const { return !source_.node || source_.node->depth() == 0; }
  // Makes this handle a leaf with its own gradient, outside of every graph (or, with false, a constant). A leaf stays
  // as it is.
  Tensor& requires_grad_(bool on = true) &;
  Tensor requires_grad_(bool on = true) && { return std::move(requires_grad_(on)); }
  // The same values outside of the graph.
  Tensor detach() const { return Tensor(array_); }

  // What backward() has added up in this leaf; undefined before the first time.
  Tensor grad() const;
  // Forgets the gradient of this leaf.
  void zero_grad() const;
  // Replaces the gradient of this leaf, which `gradient` must fit in shape and type.
  void set_grad(const Tensor& gradient) const;
  // Adds the gradients of this tensor with respect to all leaves into their grad(), and frees the graph as it goes.
  // `seed` is the gradient to start from, ones if undefined (then this tensor must have one element). After an error in
  // a formula the graph is partly freed, and some leaves have their gradients.
  void backward(BackwardOptions options = {}) const { backward(Tensor(), options); }
  void backward(const Tensor& seed, BackwardOptions options = {}) const;

  // Internals: the value, and the place in the graph.
  const Array& array() const {
    if (!defined()) [[unlikely]]
      fail("this tensor is undefined: default-constructed, moved from, or a gradient that nobody has computed");
    return *array_;
  }
  const Ref<Array>& array_ref() const& { return array_; }
  Ref<Array> array_ref() && { return std::move(array_); }
  const Source& source() const { return source_; }
  // The same place in the graph with another value, for parameters whose values change while their leaf stays.
  Tensor with_value(const Tensor& value) const;

 private:
  Ref<Array> array_;
  Source source_;
};

struct GradOptions {
  bool create_graph = false;  // record the gradients' own graph, so that they can be differentiated again
  bool allow_unused = false;  // an x that y does not depend on gets an undefined gradient instead of an error
};

// The gradients of `y`, which has one element, with respect to `xs`, each a leaf or a result on the way to y. Nothing
// else changes: no grad() is touched, the graph stays. An x that y does not depend on is an error unless allow_unused.
std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs, GradOptions options = {});
// The same for several ys with a gradient to start from for each: the vector-Jacobian product.
std::vector<Tensor> grad(const std::vector<Tensor>& ys, const std::vector<Tensor>& seeds, const std::vector<Tensor>& xs,
                         GradOptions options = {});

}  // namespace ravel
