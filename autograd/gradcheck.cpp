#include "ravel/autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/reduction.hpp"

namespace ravel {
namespace {

// Each evaluation enters this step, so that dropout masks and the like repeat.
constexpr std::uint64_t check_seed = 0x5EED, check_step = 1;
constexpr int worst_shown = 5;

std::vector<Tensor> evaluate(const CheckedFunction& f, const std::vector<Tensor>& inputs) {
  const RandomStep step(check_seed, check_step);
  return f(inputs);
}

// Fixed weights for the outputs: normal values, which no symmetry of an op cancels.
std::vector<Tensor> weights_for(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> weights;
  for (const Tensor& y : outputs) {
    const RandomKey key = random_key(check_seed, "weights", weights.size());
    weights.push_back(is_floating(y.dtype()) ? randn(y.shape(), y.dtype(), key) : Tensor());
  }
  return weights;
}

Tensor weighted_sum(const std::vector<Tensor>& outputs, const std::vector<Tensor>& weights) {
  Tensor total = zeros({}, f64);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (weights[i].defined()) total += sum(outputs[i] * weights[i]);
  }
  return total;
}

// Fresh leaves with the values of those `inputs` that require a gradient.
std::vector<Tensor> fresh_leaves(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves = inputs;
  for (Tensor& leaf : leaves) {
    if (!leaf.defined() || !leaf.requires_grad()) continue;
    require(leaf.dtype() == f64, "gradcheck: inputs must be f64 for the differences to mean something, one is {}", leaf.dtype());
    leaf = leaf.detach().requires_grad_();
  }
  return leaves;
}

struct Mismatch {
  std::size_t input;
  std::int64_t element;
  double gradient, difference, error;
};

std::string position(std::int64_t element, const Shape& shape) {
  Shape index = shape;
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    index[dim] = element % shape[dim];
    element /= shape[dim];
  }
  return to_string(index);
}

class Check {
 public:
  Check(const CheckedFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options)
      : f_(f), inputs_(inputs), options_(options), weights_(weights_for(evaluate(f, inputs))) {}

  GradcheckReport run(const std::vector<bool>& may_be_zero) {
    const std::vector<Tensor> leaves = fresh_leaves(inputs_);
    std::vector<Tensor> wanted;
    for (const Tensor& leaf : leaves) {
      if (leaf.defined() && leaf.requires_grad()) wanted.push_back(leaf);
    }
    require(!wanted.empty(), "gradcheck: no input requires a gradient; see requires_grad_()");
    const Tensor total = weighted_sum(evaluate(f_, leaves), weights_);
    if (!total.requires_grad()) return failure("no output depends on an input that requires a gradient");
    const std::vector<Tensor> gradients = grad(total, wanted, {.allow_unused = true});
    for (std::size_t i = 0, next = 0; i < leaves.size(); ++i) {
      if (!leaves[i].defined() || !leaves[i].requires_grad()) continue;
      const Tensor& gradient = gradients[next++];
      compare(i, (gradient.defined() ? gradient : zeros_like(leaves[i])).to_vector<double>(),
              !may_be_zero.empty() && may_be_zero[i]);
    }
    return finish();
  }

 private:
  GradcheckReport failure(std::string text) {
    report_.ok = false;
    report_.text = "gradcheck: " + std::move(text);
    return report_;
  }

  // The weighted sum of the outputs with one element of one input moved.
  double moved(std::size_t input, std::vector<double>& values, std::size_t element, double by) const {
    const NoGrad no_grad;
    std::vector<Tensor> inputs = inputs_;
    const double before = values[element];
    values[element] += by;
    inputs[input] = from_vector(values, inputs_[input].shape());
    values[element] = before;
    return weighted_sum(evaluate(f_, inputs), weights_).item();
  }

  void compare(std::size_t input, const std::vector<double>& gradient, bool may_be_zero) {
    std::vector<double> values = inputs_[input].to_vector<double>();
    bool all_zero = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double e = options_.epsilon;
      const double difference = (moved(input, values, i, e) - moved(input, values, i, -e)) / (2 * e);
      const double error = std::abs(gradient[i] - difference) / std::max(1.0, std::abs(difference));
      all_zero = all_zero && gradient[i] == 0;
      ++report_.elements;
      if (!(error <= report_.worst)) report_.worst = error;
      if (!(error <= options_.tolerance)) {
        mismatches_.push_back({input, static_cast<std::int64_t>(i), gradient[i], difference, error});
      }
    }
    if (all_zero && !values.empty() && !may_be_zero && !options_.expect_zero) zeros_.push_back(input);
    if (!all_zero && options_.expect_zero) unexpected_.push_back(input);
  }

  GradcheckReport finish() {
    std::string text;
    std::stable_sort(mismatches_.begin(), mismatches_.end(), [](const Mismatch& a, const Mismatch& b) { return !(a.error <= b.error); });
    if (!mismatches_.empty()) {
      text = fmt::format("{} of {} derivatives are wrong (tolerance {:g}); the worst:", mismatches_.size(), report_.elements,
                         options_.tolerance);
    }
    for (std::size_t i = 0; i < mismatches_.size() && i < worst_shown; ++i) {
      const Mismatch& m = mismatches_[i];
      text += fmt::format("\n  input {} at {}: the gradient says {:.9g}, the difference {:.9g} (off by {:.2g})", m.input,
                          position(m.element, inputs_[m.input].shape()), m.gradient, m.difference, m.error);
    }
    for (const std::size_t input : zeros_) {
      text += fmt::format("{}the gradient of input {} is zero everywhere: move the inputs, or say expect_zero",
                          text.empty() ? "" : "\n  ", input);
    }
    for (const std::size_t input : unexpected_) {
      text += fmt::format("{}the gradient of input {} was to be zero everywhere and is not", text.empty() ? "" : "\n  ", input);
    }
    if (!text.empty()) return failure(text);
    report_.text = fmt::format("gradcheck: {} derivatives agree, the worst is off by {:.2g}", report_.elements, report_.worst);
    return report_;
  }

  const CheckedFunction& f_;
  const std::vector<Tensor>& inputs_;
  const GradcheckOptions& options_;
  std::vector<Tensor> weights_;
  std::vector<Mismatch> mismatches_;
  std::vector<std::size_t> zeros_, unexpected_;
  GradcheckReport report_;
};

}  // namespace

GradcheckReport gradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  return Check(f, inputs, options).run({});
}

GradcheckReport gradgradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  // The gradients of f as a function of (inputs, weights): they are linear in the weights, and for a linear f constant in
  // the inputs, where a second derivative of zero is right.
  std::vector<Tensor> extended = inputs;
  std::vector<bool> may_be_zero(inputs.size(), true);
  for (Tensor& weight : weights_for(evaluate(f, inputs))) {
    extended.push_back(weight.defined() ? weight.requires_grad_() : weight);
    may_be_zero.push_back(false);
  }
  const std::size_t count = inputs.size();
  const auto gradients = [&](const std::vector<Tensor>& all) -> std::vector<Tensor> {
    const EnableGrad enable;
    std::vector<Tensor> leaves(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (inputs[i].defined() && inputs[i].requires_grad() && !leaves[i].requires_grad()) leaves[i] = leaves[i].detach().requires_grad_();
    }
    const std::vector<Tensor> weights(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
    const Tensor total = weighted_sum(f(leaves), weights);
    std::vector<Tensor> wanted;
    for (const Tensor& leaf : leaves) {
      if (leaf.defined() && leaf.requires_grad()) wanted.push_back(leaf);
    }
    if (!total.requires_grad()) return {};
    return grad(total, wanted, {.create_graph = true});
  };
  return Check(gradients, extended, options).run(may_be_zero);
}

}  // namespace ravel
