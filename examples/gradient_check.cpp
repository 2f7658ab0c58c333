// Checking the gradient of an op of one's own, and what the check says when a rule is wrong.
#include <fmt/core.h>

#include <ravel/ravel.hpp>

using namespace ravel;

// The length of each row of x (N, C): y = sqrt(sum(x^2)), with gradient g x / y.
Tensor row_lengths(const Tensor& x) {
  const Tensor values = x.detach(), y = sqrt(sum(values * values, 1));
  return record("row_lengths", y,
                Edge{x, [x](const Tensor& g, const Tensor& length) { return unsqueeze(g / length, 1) * x; }});
}

// The same with a mistake that training would hide: a factor that should not be there in the second column.
Tensor wrong_row_lengths(const Tensor& x) {
  const Tensor factor = tensor({1., 1.1, 1.}, f64);
  const Tensor values = x.detach(), y = sqrt(sum(values * values, 1));
  return record("wrong_row_lengths", y, Edge{x, [x, factor](const Tensor& g, const Tensor& length) {
                                               return unsqueeze(g / length, 1) * x * factor;
                                             }});
}

// The right first derivative, from values cut out of the graph: the second derivative is lost.
Tensor cut_row_lengths(const Tensor& x) {
  const Tensor values = x.detach(), y = sqrt(sum(values * values, 1));
  return record("cut_row_lengths", y, Edge{x, [x](const Tensor& g, const Tensor& length) {
                                             return unsqueeze(g / length.detach(), 1) * x.detach();
                                           }});
}

int main() {
  const std::vector<Tensor> inputs = {randn({2, 3}, f64).requires_grad_()};
  const auto check = [&](const char* name, Tensor (*op)(const Tensor&)) {
    const auto f = [op](const std::vector<Tensor>& in) { return op(in[0]); };
    fmt::print("{}\n  first order:  {}\n  second order: {}\n", name, gradcheck(f, inputs).text,
               gradgradcheck(f, inputs).text);
  };
  check("row_lengths", row_lengths);
  check("wrong_row_lengths", wrong_row_lengths);
  check("cut_row_lengths", cut_row_lengths);
}
