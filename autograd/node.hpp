// A recorded operation in the graph.
#pragma once

#include <cstdint>
#include <span>

#include "ravel/autograd/dtype.hpp"
#include "ravel/autograd/ref.hpp"
#include "ravel/autograd/shape.hpp"

namespace ravel {

class Tensor;
class Node;

// One output of a node: a place in the graph.
struct Source {
  Ref<Node> node;  // null for a tensor that needs no gradient
  std::uint32_t slot = 0;
};

// The gradients of a node's outputs, as a pullback gets them. An output that received none counts as zeros.
class OutputGradients {
 public:
  OutputGradients(const Node& node, std::span<Tensor> received) : node_(node), received_(received) {}
  std::size_t size() const { return received_.size(); }
  // The gradient of output `slot`; zeros take its place when it received none.
  const Tensor& operator[](std::size_t slot) const;
  // The same, handed over, once: if nothing else refers to it, who takes it may write into its memory.
  Tensor take(std::size_t slot) const;

 private:
  Tensor& complete(std::size_t slot) const;

  const Node& node_;
  std::span<Tensor> received_;
};

// Where a node hands the gradients of its inputs.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  // Is the gradient of this place asked for?
  virtual bool wants(const Source& source) const = 0;
  // Adds `gradient` to what input number `input` of `node`, at `source`, has received. An undefined tensor adds
  // nothing.
  virtual void add(const Node& node, int input, const Source& source, Tensor gradient) = 0;
};

// What becomes of a node's formulas when they have run.
enum class AfterPull { keep, free };

// One operation that was recorded: its name, its inputs' places, its outputs' shapes, and the formula of its gradients.
// It holds no values but those that its formula captured. A leaf is a node without inputs that keeps a gradient.
class Node : public Counted {
 public:
  struct Output {
    Shape shape;
    Dtype dtype = f32;
  };

  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const char* op() const { return op_; }
  // 1 + the largest depth of the inputs; 0 for a leaf. The engine visits the deepest node first.
  std::uint32_t depth() const { return depth_; }
  virtual std::span<const Output> outputs() const = 0;
  // The places of the inputs, in order; an input that needs no gradient has a null node.
  virtual std::span<const Source> inputs() const = 0;
  // Starts to fetch from memory a node that a sweep, which visits this one now, will visit four visits later, and the
  // value that its formula may look at. Without it, each visit in a graph larger than the caches waits for them.
  void prefetch_ahead() const;
  // Computes the gradients of the inputs that `sink` wants and hands them over. A node with a formula per input runs
  // them from the last input to the first. With AfterPull::free each is dropped, with what it captured, before the next
  // runs: an x that only the formula of a weight's gradient captured is gone when that of x is computed. Links to the
  // inputs go at the end; another pull() is then an error. A formula that throws leaves the graph half freed.
  virtual void pull(const OutputGradients& gradients, GradientSink& sink, AfterPull after) = 0;
  virtual bool is_freed() const = 0;

  // Nodes come from Ravel's allocator: for an op with one output, one block holds the node, its edges and
  // what their formulas captured.
  static void* operator new(std::size_t bytes);
  static void operator delete(void* node, std::size_t bytes);
  // Ends a node, and then, one after the other and without recursion, every node that only it kept alive.
  friend void destroy(const Node* node);

 protected:
  // A leaf.
  explicit Node(const char* op) : depth_(0), op_(op) {}
  // The node of an op whose first output is `value`.
  Node(const char* op, const Node& deepest_input, const Tensor& value);

 private:
  // Addresses of a node and of the array of its first output, to fetch and never to read: both may be gone.
  struct Addresses {
    const void* node = nullptr;
    const void* value = nullptr;
  };
  // Puts `addresses` behind the last four that this thread recorded and takes the first of these.
  static Addresses exchange_recent(Addresses addresses);

  std::uint32_t depth_;
  const char* op_;
  // Of the node that was recorded four nodes earlier: a sweep visits them backwards, and a fetch takes about as long as
  // four visits.
  Addresses ahead_;
  mutable const Node* next_to_end_ = nullptr;
};

}  // namespace ravel
