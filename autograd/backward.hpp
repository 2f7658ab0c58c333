// The engine: the sweep that carries gradients from the outputs of a graph to its inputs.
#pragma once

#include <atomic>
#include <functional>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// A leaf: where gradients end. It keeps the gradient that backward() adds up.
class Leaf final : public Node {
 public:
  Leaf(const Shape& shape, Dtype dtype) : Node("leaf"), output_{shape, dtype} {}
  std::span<const Output> outputs() const override { return {&output_, 1}; }
  std::span<const Source> inputs() const override { return {}; }
  void pull(const OutputGradients&, GradientSink&, AfterPull) override {}
  bool is_freed() const override { return false; }

  // Adds to the gradient, packed and without its graph. Threads must not sweep into one leaf at the same time: the sum
  // would depend on their order. Where two additions are seen to overlap this is an error.
  void accumulate(Tensor gradient);

  Tensor gradient;

 private:
  Output output_;
  std::atomic_flag busy_;
};

// Sees, and may replace, every gradient that a sweep of this thread hands along an edge: (node, input number,
// gradient). For tests and tools.
using EdgeFilter = std::function<Tensor(const Node&, int, Tensor)>;
// Installs a filter for its life; sweeps inside use it.
class EdgeFilterGuard {
 public:
  explicit EdgeFilterGuard(EdgeFilter filter);
  EdgeFilterGuard(const EdgeFilterGuard&) = delete;
  EdgeFilterGuard& operator=(const EdgeFilterGuard&) = delete;
  ~EdgeFilterGuard();

 private:
  EdgeFilter filter_;
  const EdgeFilter* before_;
};

}  // namespace ravel
