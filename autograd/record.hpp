// How an operation enters the graph. An op is one short function: check, compute the value, record.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/tensor.hpp"

namespace ravel {

// One input of an op and its pullback: a formula, written in differentiable ops, that turns the gradient g of the op's
// output into that of the input. A formula that wants the output itself takes it as second argument: (g, y).
// A pullback is kept, with all that it captured, only if its input needs a gradient.
template <class Pullback>
struct Edge {
  Edge(const Tensor& input_tensor, Pullback formula) : input(input_tensor), pullback(std::move(formula)) {}
  const Tensor& input;
  Pullback pullback;
};

namespace detail {

// Throws if `value` has a NaN or an infinity. `what` says what it is to `op`: "the output", "a gradient".
void check_anomaly(const char* op, const char* what, const Tensor& value);
[[noreturn]] void fail_freed(const char* op);

// The deeper one of a node and the one at `source`; either may be null.
inline const Node* deeper(const Node* node, const Source& source) {
  const bool other = source.node && (node == nullptr || source.node->depth() > node->depth());
  return other ? source.node.get() : node;
}

// Output `slot` of a node as a tensor. Integers and masks have no place in the graph.
inline Tensor output_of(Ref<Array> value, Ref<Node> node, std::uint32_t slot) {
  return is_floating(value->dtype()) ? Tensor(std::move(value), {std::move(node), slot}) : Tensor(std::move(value));
}

template <class Pullback>
inline constexpr bool wants_output = std::is_invocable_v<const Pullback&, const Tensor&, const Tensor&>;

// The node of an op with one output: an edge per input.
template <class... Pullbacks>
class EdgeNode final : public Node {
  static constexpr std::size_t count = sizeof...(Pullbacks);

 public:
  EdgeNode(const char* op, const Node& deepest_input, const Tensor& value, Edge<Pullbacks>&... edges)
      : Node(op, deepest_input, value),
        output_{value.shape(), value.dtype()},
        inputs_{edges.input.source()...},
        pullbacks_{edges.input.requires_grad() ? std::optional(std::move(edges.pullback)) : std::nullopt...} {
    if (((wants_output<Pullbacks> && edges.input.requires_grad()) || ...)) kept_ = value.array_ref();
  }

  std::span<const Output> outputs() const override { return {&output_, 1}; }
  std::span<const Source> inputs() const override { return inputs_; }
  bool is_freed() const override { return freed_; }

  void pull(const OutputGradients& gradients, GradientSink& sink, AfterPull after) override {
    if (freed_) fail_freed(op());
    freed_ = after == AfterPull::free;
    Tensor g = gradients.take(0);
    [&]<std::size_t... I>(std::index_sequence<I...>) { (pull_edge<count - 1 - I>(g, sink), ...); }
    (std::make_index_sequence<count>());
    if (freed_) {
      inputs_ = {};
      kept_ = {};
    }
  }

 private:
  template <std::size_t I>
  void pull_edge(Tensor& g, GradientSink& sink) {
    const Source& source = inputs_[I];
    if (source.node && sink.wants(source)) run_pullback<I>(g, sink);
    if (freed_) std::get<I>(pullbacks_).reset();
  }

  template <std::size_t I>
  void run_pullback(Tensor& g, GradientSink& sink) {
    const Source& source = inputs_[I];
    // The formula that runs last may have the gradient for itself.
    using Gradient = std::conditional_t<I == 0, Tensor&&, const Tensor&>;
    const auto& pullback = *std::get<I>(pullbacks_);
    if constexpr (wants_output<std::remove_cvref_t<decltype(pullback)>>) {
      sink.add(*this, I, source, pullback(static_cast<Gradient>(g), output_of(kept_, Ref<Node>(this), 0)));
    } else {
      sink.add(*this, I, source, pullback(static_cast<Gradient>(g)));
    }
  }

  Output output_;
  std::array<Source, count> inputs_;
  std::tuple<std::optional<Pullbacks>...> pullbacks_;
  Ref<Array> kept_;  // the output's value, without its graph, for formulas of (g, y)
  bool freed_ = false;
};

}  // namespace detail

// Gives `value`, which an op has just computed, its place in the graph: a node with the given edges. When recording is
// off, or no input needs a gradient, the value is returned as it is. `op` must be a literal.
template <class... Pullbacks>
Tensor record(const char* op, Tensor value, Edge<Pullbacks>... edges) {
  if (modes.anomaly) [[unlikely]]
    detail::check_anomaly(op, "the output", value);
  const Node* deepest = nullptr;
  ((deepest = detail::deeper(deepest, edges.input.source())), ...);
  if (!modes.recording || deepest == nullptr) return value;
  auto node = Ref<Node>::adopt(new detail::EdgeNode<Pullbacks...>(op, *deepest, value, edges...));
  return detail::output_of(std::move(value).array_ref(), std::move(node), 0);
}

// What a joint pullback may look at besides the gradients.
struct JointContext {
  std::vector<bool> needs;      // per input: is its gradient asked for?
  std::vector<Tensor> outputs;  // the op's own outputs, if it was recorded with keep_outputs
};

namespace detail {

// The node of an op with several outputs, or with one formula for the gradients of all its inputs.
template <class Pullback>
class JointNode final : public Node {
 public:
  JointNode(const char* op, const Node& deepest_input, const std::vector<Tensor>& values,
            const std::vector<Tensor>& inputs, Pullback pullback, bool keep_outputs)
      : Node(op, deepest_input, values.front()), pullback_(std::move(pullback)) {
    for (const Tensor& value : values) {
      outputs_.push_back({value.shape(), value.dtype()});
      if (keep_outputs) kept_.push_back(value.array_ref());
    }
    for (const Tensor& input : inputs) inputs_.push_back(input.source());
  }

  std::span<const Output> outputs() const override { return outputs_; }
  std::span<const Source> inputs() const override { return inputs_; }
  bool is_freed() const override { return !pullback_; }

  void pull(const OutputGradients& gradients, GradientSink& sink, AfterPull after) override {
    if (!pullback_) fail_freed(op());
    JointContext context;
    for (const Source& source : inputs_) context.needs.push_back(source.node && sink.wants(source));
    const bool is_wanted = std::find(context.needs.begin(), context.needs.end(), true) != context.needs.end();
    if (is_wanted) run_pullback(gradients, sink, context);
    if (after == AfterPull::free) {
      pullback_.reset();
      inputs_.clear();
      kept_.clear();
    }
  }

 private:
  void run_pullback(const OutputGradients& gradients, GradientSink& sink, JointContext& context) {
    for (std::uint32_t slot = 0; slot < kept_.size(); ++slot) {
      context.outputs.push_back(output_of(kept_[slot], Ref<Node>(this), slot));
    }
    std::vector<Tensor> results = (*pullback_)(gradients, context);
    require(results.size() == inputs_.size(), "{}: its pullback returned {} gradients for {} inputs", op(),
            results.size(), inputs_.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (context.needs[i]) sink.add(*this, static_cast<int>(i), inputs_[i], std::move(results[i]));
    }
  }

  std::vector<Output> outputs_;
  std::vector<Source> inputs_;
  std::optional<Pullback> pullback_;
  std::vector<Ref<Array>> kept_;
};

}  // namespace detail

// The general form: an op with several outputs, or one whose gradients come from a single pass over memory.
// `pullback(gradients, context)` returns the gradients of all `inputs`, undefined ones where context.needs says no;
// gradients[i] is that of output i. Outputs that a formula needs come from context.outputs (with `keep_outputs`), never
// from a capture: a captured output would keep its own node alive.
template <class Pullback>
std::vector<Tensor> record_joint(const char* op, std::vector<Tensor> values, const std::vector<Tensor>& inputs,
                                 Pullback pullback, bool keep_outputs = false) {
  const Node* deepest = nullptr;
  for (const Tensor& input : inputs) deepest = detail::deeper(deepest, input.source());
  if (modes.anomaly) [[unlikely]] {
    for (const Tensor& value : values) detail::check_anomaly(op, "the output", value);
  }
  if (!modes.recording || deepest == nullptr || values.empty()) return values;
  const auto node = Ref<Node>::adopt(
      new detail::JointNode<Pullback>(op, *deepest, values, inputs, std::move(pullback), keep_outputs));
  for (std::uint32_t slot = 0; slot < values.size(); ++slot) {
    values[slot] = detail::output_of(std::move(values[slot]).array_ref(), node, slot);
  }
  return values;
}

}  // namespace ravel
