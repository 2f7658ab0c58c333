
#include "op_table.hpp"

namespace table {

using namespace ravel;

namespace {

// A row of a function of one tensor.
template <class X>
Row unary(std::string name, Tensor (*f)(X), const Input& input) {
  return {std::move(name), [f](const Tensors& x) { return f(x[0]); }, {input}, {.elementwise = true}};
}
// One that is constant between its jumps.
Row steps(std::string name, Tensor (*f)(const Tensor&)) {
  return {std::move(name),
          [f](const Tensors& x) { return f(x[0]); },
          {apart({2, 3})},
          {.elementwise = true, .zero_gradient = true}};
}

}  // namespace

std::vector<Row> pointwise_rows() {
  const Input x = normal({2, 3}), kinked = apart({2, 3}), above = positive({2, 3});
  return {
      unary("exp", exp, x),
      unary("expm1", expm1, x),
      unary("log", log, above),
      unary("log1p", log1p, above),
      unary("log2", log2, above),
      unary("sqrt", sqrt, above),
      {"rsqrt", [](const Tensors& v) { return rsqrt(v[0]); }, {above}, {.elementwise = true, .f32_tolerance = 2e-5}},
      unary("square", square, x),
      unary("reciprocal", reciprocal, above),
      {"pow", [](const Tensors& v) { return pow(v[0], v[1]); }, {above, normal({3})}, {.elementwise = true}},
      {"pow/square", [](const Tensors& v) { return pow(v[0], 2); }, {x}, {.elementwise = true}},
      {"pow/cube", [](const Tensors& v) { return pow(v[0], 3); }, {x}, {.elementwise = true}},
      {"pow/root", [](const Tensors& v) { return pow(v[0], 0.5); }, {above}, {.elementwise = true}},
      {"pow/inverse root", [](const Tensors& v) { return pow(v[0], -0.5); }, {above}, {.elementwise = true}},
      {"pow/inverse", [](const Tensors& v) { return pow(v[0], -1); }, {above}, {.elementwise = true}},
      {"pow/exponent", [](const Tensors& v) { return pow(v[0], 1.7); }, {above}, {.elementwise = true}},
      {"pow/base", [](const Tensors& v) { return pow(1.7, v[0]); }, {x}, {.elementwise = true}},
      unary("abs", abs, kinked),
      steps("sign", sign),
      steps("floor", floor),
      steps("ceil", ceil),
      steps("round", round),
      unary("sin", sin, x),
      unary("cos", cos, x),
      unary("erf", erf, x),
  };
}

std::vector<Row> activation_rows() {
  const Input x = normal({2, 3}), kinked = apart({2, 3}), y = unit({2, 3});
  const Traits elementwise = {.elementwise = true};
  return {
      unary("tanh", tanh, x),
      {"tanh_backward", [](const Tensors& v) { return tanh_backward(v[0], v[1]); }, {x, y}, elementwise},
      unary("sigmoid", sigmoid, x),
      {"sigmoid_backward", [](const Tensors& v) { return sigmoid_backward(v[0], v[1]); }, {x, y}, elementwise},
      unary("relu", relu, kinked),
      {"record_relu", [](const Tensors& v) { return record_relu(v[0]); }, {positive({2, 3})}, elementwise},
      {"relu_backward", [](const Tensors& v) { return relu_backward(v[0], v[1]); }, {x, constant(kinked)}, elementwise},
      {"leaky_relu", [](const Tensors& v) { return leaky_relu(v[0]); }, {kinked}, elementwise},
      {"leaky_relu_backward",
       [](const Tensors& v) { return leaky_relu_backward(v[0], v[1], 0.3); },
       {x, constant(kinked)},
       elementwise},
      {"elu", [](const Tensors& v) { return elu(v[0], 0.7); }, {kinked}, elementwise},
      {"elu_backward", [](const Tensors& v) { return elu_backward(v[0], v[1], 0.7); }, {x, kinked}, elementwise},
      {"gelu", [](const Tensors& v) { return gelu(v[0]); }, {x}, elementwise},
      {"gelu/tanh", [](const Tensors& v) { return gelu(v[0], Approximate::tanh); }, {x}, elementwise},
      {"gelu_backward", [](const Tensors& v) { return gelu_backward(v[0], v[1]); }, {x, x}, elementwise},
      {"gelu_backward/tanh",
       [](const Tensors& v) { return gelu_backward(v[0], v[1], Approximate::tanh); },
       {x, x},
       elementwise},
      {"softplus", [](const Tensors& v) { return softplus(v[0]); }, {x}, elementwise},
      {"softplus/threshold", [](const Tensors& v) { return softplus(v[0], 2, 0.1); }, {kinked}, elementwise},
      {"softplus_backward",
       [](const Tensors& v) { return softplus_backward(v[0], v[1], 2, 0.1); },
       {x, kinked},
       elementwise},
      {"log_sigmoid", [](const Tensors& v) { return log_sigmoid(v[0]); }, {x}, elementwise},
      unary("silu", silu, x),
      {"silu_backward", [](const Tensors& v) { return silu_backward(v[0], v[1]); }, {x, x}, elementwise},
      {"dropout", [](const Tensors& v) { return dropout(v[0], 0.3); }, {normal({5, 7})}, elementwise},
  };
}

}  // namespace table
