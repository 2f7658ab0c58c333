#include "ravel/autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ravel/autograd/compare.hpp"
#include "ravel/autograd/create.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"

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
    require(leaf.dtype() == f64, "gradcheck: inputs must be f64 for the differences to mean something, one is {}",
            leaf.dtype());
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
    std::vector<Tensor> xs;
    for (const Tensor& leaf : leaves) {
      if (leaf.defined() && leaf.requires_grad()) xs.push_back(leaf);
    }
    require(!xs.empty(), "gradcheck: no input requires a gradient; see requires_grad_()");
    const Outputs outputs = differentiable(evaluate(f_, leaves));
    if (outputs.ys.empty()) return failure("no output depends on an input that requires a gradient");
    const std::vector<Tensor> gradients = gradients_of(outputs, xs);
    check_consistency(outputs, xs, gradients);
    for (std::size_t i = 0, next = 0; i < leaves.size(); ++i) {
      if (!leaves[i].defined() || !leaves[i].requires_grad()) continue;
      compare(i, gradients[next++].to_vector<double>(), !may_be_zero.empty() && may_be_zero[i]);
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

  // The outputs that have gradients, with their weights.
  struct Outputs {
    std::vector<Tensor> ys, weights;
  };
  Outputs differentiable(const std::vector<Tensor>& outputs) const {
    Outputs chosen;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].requires_grad() || !weights_[i].defined()) continue;
      chosen.ys.push_back(outputs[i]);
      chosen.weights.push_back(weights_[i]);
    }
    return chosen;
  }

  static std::vector<Tensor> gradients_of(const Outputs& outputs, const std::vector<Tensor>& xs) {
    std::vector<Tensor> gradients = grad(outputs.ys, outputs.weights, xs, {.allow_unused = true});
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (!gradients[i].defined()) gradients[i] = zeros_like(xs[i]);
    }
    return gradients;
  }

  // A rule must give the same whichever gradients are asked for, however the gradients that it gets lie in memory, and
  // whether those of several outputs come together or one after the other.
  void check_consistency(const Outputs& outputs, const std::vector<Tensor>& xs, const std::vector<Tensor>& expected) {
    const auto expect = [&](const Tensor& got, std::size_t i, const char* when) {
      if (!allclose(got, expected[i], 1e-9, 1e-9))
        inconsistent_ += fmt::format("\n  the gradient of differentiable input {} changes when {}", i, when);
    };
    for (std::size_t i = 0; i < xs.size() && xs.size() > 1; ++i) {
      expect(gradients_of(outputs, {xs[i]})[0], i, "it alone is asked for");
    }
    Outputs strided = outputs;
    for (Tensor& weight : strided.weights) weight = reversed_strides(weight);
    const std::vector<Tensor> again = gradients_of(strided, xs);
    for (std::size_t i = 0; i < xs.size(); ++i) expect(again[i], i, "the gradient of the output is not packed");
    if (outputs.ys.size() == 1) return;
    std::vector<Tensor> sums;
    for (const Tensor& x : xs) sums.push_back(zeros_like(x));
    for (std::size_t j = 0; j < outputs.ys.size(); ++j) {
      const std::vector<Tensor> part = gradients_of({{outputs.ys[j]}, {outputs.weights[j]}}, xs);
      for (std::size_t i = 0; i < xs.size(); ++i) sums[i] += part[i];
    }
    for (std::size_t i = 0; i < xs.size(); ++i) expect(sums[i], i, "the outputs are used one at a time");
  }

  // The same values with the last dimension outermost in memory.
  static Tensor reversed_strides(const Tensor& x) {
    Dims order;
    for (int dim = x.rank() - 1; dim >= 0; --dim) order.push_back(dim);
    return permute(packed(permute(x, order)), order);
  }

  void compare(std::size_t input, const std::vector<double>& gradient, bool may_be_zero) {
    std::vector<double> values = inputs_[input].to_vector<double>();
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double e = options_.epsilon;
      const double difference = (moved(input, values, i, e) - moved(input, values, i, -e)) / (2 * e);
      const double off = std::abs(gradient[i] - difference) / std::max(1.0, std::abs(difference));
      const double error = std::isnan(off) ? std::numeric_limits<double>::infinity() : off;
      largest = std::max(largest, std::abs(gradient[i]));
      ++report_.elements;
      report_.worst = std::max(report_.worst, error);
      if (error > options_.tolerance) {
        mismatches_.push_back({input, static_cast<std::int64_t>(i), gradient[i], difference, error});
      }
    }
    // A wrong rule would not be seen below this: its error would have to be a thousand times the gradient.
    if (largest < 1e3 * options_.tolerance && !may_be_zero && !options_.expect_zero)
      small_.emplace_back(input, largest);
    if (largest > 0 && options_.expect_zero) unexpected_.push_back(input);
  }

  GradcheckReport finish() {
    std::string text;
    std::stable_sort(mismatches_.begin(), mismatches_.end(),
                     [](const Mismatch& a, const Mismatch& b) { return a.error > b.error; });
    if (!mismatches_.empty()) {
      text = fmt::format("{} of {} derivatives are wrong (tolerance {:g}); the worst:", mismatches_.size(),
                         report_.elements, options_.tolerance);
    }
    for (std::size_t i = 0; i < mismatches_.size() && i < worst_shown; ++i) {
      const Mismatch& m = mismatches_[i];
      text += fmt::format("\n  input {} at {}: the gradient says {:.9g}, the difference {:.9g} (off by {:.2g})",
                          m.input, position(m.element, inputs_[m.input].shape()), m.gradient, m.difference, m.error);
    }
    text += inconsistent_;
    for (const auto& [input, largest] : small_) {
      text += largest == 0
                  ? fmt::format(
                        "\n  the gradient of input {} is zero everywhere, which proves nothing: move the inputs, or "
                        "say expect_zero",
                        input)
                  : fmt::format(
                        "\n  the gradient of input {} is at most {:.2g}, too small to be checked: scale the function",
                        input, largest);
    }
    for (const std::size_t input : unexpected_) {
      text += fmt::format("\n  the gradient of input {} was to be zero everywhere and is not", input);
    }
    if (!text.empty()) return failure(text[0] == '\n' ? "failed" + text : text);
    report_.text =
        fmt::format("gradcheck: {} derivatives agree, the worst is off by {:.2g}", report_.elements, report_.worst);
    return report_;
  }

  const CheckedFunction& f_;
  const std::vector<Tensor>& inputs_;
  const GradcheckOptions& options_;
  std::vector<Tensor> weights_;
  std::vector<Mismatch> mismatches_;
  std::vector<std::pair<std::size_t, double>> small_;  // inputs, and their largest gradients
  std::vector<std::size_t> unexpected_;
  std::string inconsistent_;
  GradcheckReport report_;
};

}  // namespace

GradcheckReport gradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  return Check(f, inputs, options).run({});
}

GradcheckReport gradgradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options) {
  // The gradients of f as a function of (inputs, weights): they are linear in the weights, and for a linear f constant
  // in the inputs, where a second derivative of zero is right.
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
      if (inputs[i].defined() && inputs[i].requires_grad() && !leaves[i].requires_grad())
        leaves[i] = leaves[i].detach().requires_grad_();
    }
    const std::vector<Tensor> weights(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
    const Tensor total = weighted_sum(f(leaves), weights);
    std::vector<Tensor> wanted;
    for (const Tensor& leaf : leaves) {
      if (leaf.defined() && leaf.requires_grad()) wanted.push_back(leaf);
    }
    if (!total.requires_grad()) return {};
    std::vector<Tensor> results = grad(total, wanted, {.create_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!results[i].defined()) results[i] = zeros_like(wanted[i]);
    }
    return results;
  };
  return Check(gradients, extended, options).run(may_be_zero);
}

}  // namespace ravel
