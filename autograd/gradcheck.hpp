// Checking gradients against central differences.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

template <class F>
concept TensorFunction = requires(const F& f, const std::vector<Tensor>& inputs) {
  f(inputs);
};

// What is checked: a function of f64 tensors with one output or several. Any lambda that takes
// `const std::vector<Tensor>&` and returns a Tensor or a std::vector<Tensor> converts to it.
class CheckedFunction {
 public:
  template <TensorFunction F>
  CheckedFunction(F f)  // NOLINT(google-explicit-constructor)
      : call_([f = std::move(f)](const std::vector<Tensor>& inputs) -> std::vector<Tensor> { return {f(inputs)}; }) {}
  std::vector<Tensor> operator()(const std::vector<Tensor>& inputs) const { return call_(inputs); }

 private:
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> call_;
};

struct GradcheckOptions {
  double epsilon = 1e-6;     // the step of the central difference
  double tolerance = 1e-6;   // |gradient - difference| <= tolerance * max(1, |difference|)
  bool expect_zero = false;  // the gradients are zero everywhere by nature, as those of sign()
};

// The outcome of a check. `text` is for people: where and by how much gradients and differences disagree, or how many
// elements agree.
struct GradcheckReport {
  bool ok = true;
  std::string text;
  double worst = 0;           // the largest |gradient - difference| / max(1, |difference|)
  std::int64_t elements = 0;  // how many derivatives were compared
  explicit operator bool() const { return ok; }
};

// Compares the gradients of `f` at `inputs` with central differences (f(x + e) - f(x - e)) / 2e, one for each element
// of each input that requires a gradient. Outputs are first multiplied with fixed random weights and summed, so that
// each counts. All inputs that require a gradient must be f64. Also compared are the gradients asked for one at a time,
// from outputs used one at a time, and from gradients that are not packed. Gradients that are zero everywhere, or too
// small for the tolerance, are a failure: they prove nothing. Random operations inside f draw the same numbers at each
// call.
GradcheckReport gradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});

// Checks the second derivatives: gradcheck() of the gradients of `f`, as functions of the inputs and of the weights.
GradcheckReport gradgradcheck(const CheckedFunction& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {});

}  // namespace ravel
