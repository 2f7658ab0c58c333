#include "ravel/autograd/backward.hpp"

#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/frontier.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

thread_local const EdgeFilter* edge_filter = nullptr;

// Adds `gradient` to `sum`, in the same memory where nobody else can see it.
void accumulate(Tensor& sum, Tensor gradient) {
  sum = sum.defined() ? add_reusing(std::move(sum), gradient) : std::move(gradient);
}

// One sweep: nodes in order of falling depth, each once, when its gradient is complete.
class Sweep final : public GradientSink {
 public:
  // With `wanted`, only these nodes get gradients, leaves among them. Null means all, and leaves keep theirs.
  explicit Sweep(const std::unordered_set<const Node*>* wanted) : wanted_(wanted) {}

  bool wants(const Source& source) const override { return wanted_ == nullptr || wanted_->contains(source.node.get()); }

  void add(const Node& node, int input, const Source& source, Tensor gradient) override {
    if (edge_filter != nullptr) [[unlikely]]
      gradient = (*edge_filter)(node, input, std::move(gradient));
    if (!gradient.defined()) return;
    if (modes.anomaly) [[unlikely]]
      detail::check_anomaly(node.op(), "a gradient", gradient);
    const Node::Output& place = source.node->outputs()[source.slot];
    require(gradient.shape() == place.shape && gradient.dtype() == place.dtype,
            "{}: the gradient of input {} is {} {}, the input is {} {}; its pullback is wrong", node.op(), input,
            gradient.dtype(), gradient.shape(), place.dtype, place.shape);
    seed(source, std::move(gradient));
  }

  void seed(const Source& source, Tensor gradient) {
    if (wanted_ == nullptr && source.node->depth() == 0) {
      // A leaf hands nothing on, so it need not wait in the queue until its gradient is complete.
      return static_cast<Leaf&>(*source.node).accumulate(std::move(gradient));
    }
    accumulate(frontier_.gradients_of(source.node)[source.slot], std::move(gradient));
  }

  // Visits every node; `visit(node, gradients)` sees each before its formula runs.
  template <class Visit>
  void run(AfterPull after, const Visit& visit) {
    while (!frontier_.empty()) {
      Frontier::Entry& entry = frontier_.pop_deepest();
      Node& node = *entry.node;
      node.prefetch_ahead();
      visit(node, entry.gradients);
      node.pull(OutputGradients(node, entry.gradients), *this, after);
      frontier_.recycle(entry);
    }
  }

 private:
  const std::unordered_set<const Node*>* wanted_;
  Frontier frontier_;
};

void require_differentiable(const char* function, const Tensor& y) {
  require(y.requires_grad(), "{}: this tensor depends on no tensor that requires a gradient; see requires_grad_()",
          function);
}

Tensor seed_for(const char* function, const Tensor& y, const Tensor& seed) {
  require_differentiable(function, y);
  if (!seed.defined()) {
    require(y.numel() == 1, "{}: a tensor of shape {} needs a gradient to start from; pass one, or sum it first",
            function, y.shape());
    return ones(y.shape(), y.dtype());
  }
  require(seed.shape() == y.shape() && seed.dtype() == y.dtype(),
          "{}: the gradient to start from is {} {}, the tensor is {} {}", function, seed.dtype(), seed.shape(),
          y.dtype(), y.shape());
  return seed;
}

// All nodes on a way from `ys` down to one of `targets`, by one pass down and one up.
std::unordered_set<const Node*> nodes_between(const std::vector<Tensor>& ys, const std::vector<Tensor>& targets) {
  std::vector<const Node*> found;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const Node* node) {
    if (node != nullptr && seen.insert(node).second) found.push_back(node);
  };
  for (const Tensor& y : ys) visit(y.source().node.get());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]->is_freed()) detail::fail_freed(found[i]->op());
    for (const Source& input : found[i]->inputs()) visit(input.node.get());
  }
  std::unordered_set<const Node*> between;
  for (const Tensor& target : targets) between.insert(target.source().node.get());
  std::stable_sort(found.begin(), found.end(), [](const Node* a, const Node* b) { return a->depth() < b->depth(); });
  for (const Node* node : found) {
    for (const Source& input : node->inputs()) {
      if (input.node && between.contains(input.node.get())) between.insert(node);
    }
  }
  return between;
}

Leaf* leaf_of(const Tensor& tensor, const char* function) {
  Node* const node = tensor.source().node.get();
  require(node != nullptr && node->depth() == 0,
          "{}: only a leaf (a tensor after requires_grad_()) keeps a gradient; use grad(y, {{x}}) for others",
          function);
  return static_cast<Leaf*>(node);
}

}  // namespace

void Leaf::accumulate(Tensor more) {
  require(
      !busy_.test_and_set(),
      "backward: two threads add to the gradient of one leaf at the same time; use grad() in each and add in order");
  const std::unique_ptr<std::atomic_flag, void (*)(std::atomic_flag*)> done(&busy_, [](auto* flag) { flag->clear(); });
  ravel::accumulate(gradient, packed(more.detach()));
}

EdgeFilterGuard::EdgeFilterGuard(EdgeFilter filter) : filter_(std::move(filter)), before_(edge_filter) {
  edge_filter = &filter_;
}
EdgeFilterGuard::~EdgeFilterGuard() { edge_filter = before_; }

void detail::fail_freed(const char* op) {
  fail("backward: the graph of {} was freed by an earlier backward(); pass {{.keep_graph = true}} to that one", op);
}

Tensor& Tensor::requires_grad_(bool on) & {
  require(!on || is_floating(dtype()), "requires_grad_: only f32 and f64 tensors have gradients, this is {}", dtype());
  const bool is_already = on && requires_grad() && is_leaf();
  if (!is_already) source_ = on ? Source{Ref<Node>::adopt(new Leaf(shape(), dtype())), 0} : Source{};
  return *this;
}

Tensor Tensor::with_value(const Tensor& value) const {
  require(value.shape() == shape() && value.dtype() == dtype(), "with_value: the tensor is {} {}, the new value {} {}",
          dtype(), shape(), value.dtype(), value.shape());
  return Tensor(value.array_ref(), source_);
}

Tensor Tensor::grad() const { return requires_grad() ? leaf_of(*this, "grad")->gradient : Tensor(); }

void Tensor::zero_grad() const {
  if (requires_grad()) leaf_of(*this, "zero_grad")->gradient = Tensor();
}

void Tensor::set_grad(const Tensor& gradient) const {
  Leaf* const leaf = leaf_of(*this, "set_grad");
  require(!gradient.defined() || (gradient.shape() == shape() && gradient.dtype() == dtype()),
          "set_grad: the gradient is {} {}, the leaf is {} {}", gradient.dtype(), gradient.shape(), dtype(), shape());
  leaf->gradient = gradient.detach();
}

void Tensor::backward(const Tensor& seed, BackwardOptions options) const {
  const NoGrad no_grad;
  Sweep sweep(nullptr);
  sweep.seed(source_, seed_for("backward", *this, seed).detach());
  sweep.run(options.keep_graph ? AfterPull::keep : AfterPull::free, [](const auto&...) {});
}

std::vector<Tensor> grad(const std::vector<Tensor>& ys, const std::vector<Tensor>& seeds, const std::vector<Tensor>& xs,
                         GradOptions options) {
  require(seeds.size() == ys.size(), "grad: {} outputs need as many gradients to start from, got {}", ys.size(),
          seeds.size());
  for (const Tensor& x : xs) require_differentiable("grad", x);
  const ModeGuard<bool> recording(modes.recording, options.create_graph);
  const std::unordered_set<const Node*> between = nodes_between(ys, xs);
  Sweep sweep(&between);
  for (std::size_t i = 0; i < ys.size(); ++i) {
    Tensor seed = seed_for("grad", ys[i], seeds[i]);
    if (!options.create_graph) seed = seed.detach();
    if (sweep.wants(ys[i].source())) sweep.seed(ys[i].source(), std::move(seed));
  }
  std::unordered_multimap<const Node*, std::size_t> places;
  for (std::size_t i = 0; i < xs.size(); ++i) places.emplace(xs[i].source().node.get(), i);
  std::vector<Tensor> results(xs.size());
  sweep.run(AfterPull::keep, [&](Node& node, const std::vector<Tensor>& gradients) {
    const auto [begin, end] = places.equal_range(&node);
    for (auto place = begin; place != end; ++place) {
      results[place->second] = gradients[xs[place->second].source().slot];
    }
  });
  for (std::size_t i = 0; i < xs.size(); ++i) {
    require(results[i].defined() || options.allow_unused,
            "grad: the output does not depend on input {} of shape {}; see allow_unused", i, xs[i].shape());
  }
  return results;
}

std::vector<Tensor> grad(const Tensor& y, const std::vector<Tensor>& xs, GradOptions options) {
  return grad({y}, {Tensor()}, xs, options);
}

}  // namespace ravel
