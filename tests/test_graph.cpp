// The graph and the engine: what is recorded, swept, kept and freed.
#include <cmath>
#include <functional>
#include <stdexcept>
#include <thread>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

Tensor leaf(const NestedList& values) { return tensor(values, f64).requires_grad_(); }

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }

// An op with two outputs, x y and x + y, whose gradients come from one joint formula.
std::vector<Tensor> product_and_sum(const Tensor& x, const Tensor& y) {
  std::vector<Tensor> outputs;
  {
    const NoGrad no_grad;
    outputs = {x * y, x + y};
  }
  return record_joint("product_and_sum", outputs, {x, y}, [=](const OutputGradients& g, const JointContext& context) {
    return std::vector<Tensor>{context.needs[0] ? g[0] * y + g[1] : Tensor(),
                               context.needs[1] ? g[0] * x + g[1] : Tensor()};
  });
}

// Memory in live blocks, after this thread's small blocks have gone back.
std::size_t live_bytes() {
  release_memory();
  return memory_use().live;
}

}  // namespace

TEST_CASE("a shared subexpression is swept once and its gradients are summed") {
  const Tensor x = leaf({2., 3.});
  const Tensor square = x * x;
  int visits = 0;
  const EdgeFilterGuard count([&](const Node& node, int, Tensor g) {
    visits += std::string(node.op()) == "mul";
    return g;
  });
  sum(square + square + square).backward();
  CHECK(values(x.grad()) == std::vector<double>{12, 18});
  CHECK(visits == 2);  // the two edges of the one multiplication
}

TEST_CASE("backward adds into grad, zero_grad forgets it, set_grad replaces it") {
  const Tensor x = leaf({1., 2.});
  CHECK(!x.grad().defined());
  sum(x * 3).backward();
  sum(x * 4).backward();
  CHECK(values(x.grad()) == std::vector<double>{7, 7});
  x.set_grad(tensor({1., 0.}, f64));
  CHECK(values(x.grad()) == std::vector<double>{1, 0});
  CHECK_THAT(error_of([&] { x.set_grad(zeros({3}, f64)); }),
             ContainsSubstring("set_grad: the gradient is f64 (3,), the leaf is f64 (2,)"));
  x.zero_grad();
  CHECK(!x.grad().defined());
}

TEST_CASE("a gradient that a user holds does not change when more is added") {
  const Tensor x = leaf({1., 2.});
  sum(x * x).backward();
  const Tensor held = x.grad();
  sum(x * x).backward();
  CHECK(values(held) == std::vector<double>{2, 4});
  CHECK(values(x.grad()) == std::vector<double>{4, 8});
}

TEST_CASE("a second sweep of a freed graph is an error, keep_graph allows it") {
  const Tensor x = leaf({1., 2.});
  const Tensor y = sum(x * x);
  y.backward({.keep_graph = true});
  y.backward();
  CHECK(values(x.grad()) == std::vector<double>{4, 8});
  CHECK_THAT(error_of([&] { y.backward(); }),
             ContainsSubstring("the graph of sum was freed by an earlier backward(); pass {.keep_graph = true}"));
  CHECK_THAT(error_of([&] { grad(y, {x}); }), ContainsSubstring("was freed by an earlier backward()"));
}

TEST_CASE("backward and grad say what is wrong with their arguments") {
  const Tensor x = leaf({1., 2.}), other = leaf({1.});
  CHECK_THAT(error_of([&] { (x * x).backward(); }),
             ContainsSubstring("a tensor of shape (2,) needs a gradient to start from"));
  CHECK_THAT(error_of([&] { (x * x).backward(ones({3}, f64)); }),
             ContainsSubstring("the gradient to start from is f64 (3,), the tensor is f64 (2,)"));
  CHECK_THAT(error_of([&] { sum(x.detach()).backward(); }),
             ContainsSubstring("depends on no tensor that requires a gradient"));
  CHECK_THAT(error_of([&] { grad(sum(x), {other}); }),
             ContainsSubstring("the output does not depend on input 0 of shape (1,)"));
  CHECK(!grad(sum(x), {other}, {.allow_unused = true})[0].defined());
  CHECK_THAT(error_of([&] { (x * 2).grad(); }), ContainsSubstring("only a leaf"));
  CHECK_THAT(error_of([&] {
               tensor({1, 2}).requires_grad_();
             }),
             ContainsSubstring("only f32 and f64 tensors have gradients, this is i64"));
  CHECK_THAT(error_of([&] { Tensor().shape(); }), ContainsSubstring("this tensor is undefined"));
}

TEST_CASE("grad touches nothing and works for tensors inside the graph") {
  const Tensor x = leaf({1., 2.});
  const Tensor y = x * x, z = sum(y * y);
  const std::vector<Tensor> gradients = grad(z, {y, x});
  CHECK(values(gradients[0]) == std::vector<double>{2, 8});
  CHECK(values(gradients[1]) == std::vector<double>{4, 32});
  CHECK(!x.grad().defined());
  CHECK(!gradients[1].requires_grad());
  z.backward();  // the graph is still there
  CHECK(values(x.grad()) == std::vector<double>{4, 32});
}

TEST_CASE("derivatives of any order") {
  const Tensor x = leaf({1.5});
  Tensor y = sum(x * x * x * x);
  const double expected[] = {4 * 1.5 * 1.5 * 1.5, 12 * 1.5 * 1.5, 24 * 1.5, 24};
  for (const double value : expected) {
    y = sum(grad(y, {x}, {.create_graph = true})[0]);
    CHECK(y.item() == Approx(value));
  }
}

TEST_CASE("a gradient penalty trains through the gradient") {
  // d/dw of |d/dx (w x^2)|^2 = d/dw (2 w x)^2 = 8 w x^2
  const Tensor x = leaf({3.}), w = leaf({2.});
  const Tensor slope = grad(sum(w * x * x), {x}, {.create_graph = true})[0];
  sum(slope * slope).backward();
  CHECK(w.grad().item() == Approx(8 * 2 * 9));
}

TEST_CASE("an op with several outputs: a joint formula, missing gradients are zeros, second order") {
  const auto product = [](const std::vector<Tensor>& in) { return product_and_sum(in[0], in[1])[0]; };
  const auto both = [](const std::vector<Tensor>& in) { return product_and_sum(in[0], in[1]); };
  const std::vector<Tensor> inputs = {leaf({1., 2.}), leaf({-1., 0.5})};
  for (const CheckedFunction& f : {CheckedFunction(product), CheckedFunction(both)}) {
    CHECK(gradcheck(f, inputs).text == gradcheck(f, inputs).text);
    CHECK(gradcheck(f, inputs).ok);
    CHECK(gradgradcheck(f, inputs).ok);
  }
}

TEST_CASE("what an edge captured is freed by the sweep, and is never kept for an input without gradient") {
  const Shape big = {1 << 18};
  const Tensor x = ones(big).requires_grad_(), constant = ones(big);
  const std::size_t before = live_bytes(), array = std::size_t{1} << 20;
  Tensor y = x * (constant * 2.0);  // captures the constant for x's edge
  CHECK(live_bytes() >= before + 2 * array);
  y.backward(ones(big));
  CHECK(live_bytes() < before + 3 * array);  // y itself and x's gradient
  x.zero_grad();
  const Tensor z = constant * ones(big).requires_grad_() + 0.0;  // captures `constant`, but nothing of the other factor
  y = Tensor();
  CHECK(live_bytes() < before + 3 * array);
}

TEST_CASE(
    "a node's formulas run from the last input to the first, each is dropped before the next if the graph is freed") {
  const Shape big = {1 << 18};
  const std::size_t array = std::size_t{1} << 20;
  const Tensor w = ones(big).requires_grad_();
  for (const bool keep_graph : {false, true}) {
    CAPTURE(keep_graph);
    w.zero_grad();
    const Tensor y = [&] {
      const Tensor x = w * 2.0;
      return record("probe", x.detach() * 1.0, Edge{x, [](const Tensor& g) { return g * 3.0; }},
                    Edge{w, [x](const Tensor& g) { return g * x; }});
    }();
    std::vector<int> order;
    std::vector<std::size_t> live;
    const EdgeFilterGuard look([&](const Node& node, int input, Tensor g) {
      if (std::string(node.op()) == "probe") {
        order.push_back(input);
        live.push_back(live_bytes());
      }
      return g;
    });
    y.backward(ones(big), {.keep_graph = keep_graph});
    CHECK(order == std::vector<int>{1, 0});
    REQUIRE(live.size() == 2);
    // The gradient of x came to be; x itself has gone.
    CHECK((live[1] < live[0] + array / 2) == !keep_graph);
  }
}

TEST_CASE("ops that take a tensor by value write into it where nobody else can see it") {
  const RandomKey key{1, 2};
  const std::vector<std::pair<std::string, std::function<Tensor(Tensor)>>> ops{
      {"tanh", ravel::tanh},
      {"sigmoid", ravel::sigmoid},
      {"relu", ravel::relu},
      {"relu_backward", [](Tensor x) { return relu_backward(std::move(x), ones({4}, f64)); }},
      {"dropout", [key](Tensor x) { return dropout(std::move(x), 0.5, key); }}};
  for (const auto& [name, op] : ops) {
    CAPTURE(name);
    const NoGrad no_grad;
    const Tensor x = tensor({-2., -1., 1., 2.}, f64), expected = op(x);
    CHECK(values(x) == std::vector<double>{-2, -1, 1, 2});  // x is still held here

    Tensor y = x * 1;
    const double* const memory = y.data<double>();
    const Tensor in_place = op(std::move(y));
    CHECK(in_place.data<double>() == memory);
    CHECK(values(in_place) == values(expected));

    Tensor seen = x * 1;
    const Tensor view = reshape(seen, {2, 2});
    CHECK(values(op(std::move(seen))) == values(expected));
    CHECK(values(view) == values(x));
  }
}

TEST_CASE("an activation's gradient is written where that of its output was, unless it is recorded") {
  for (const bool create_graph : {false, true}) {
    const Tensor x = leaf({-1., 2.}), y = sum(tanh(x) * 3);
    const double *of_output = nullptr, *of_input = nullptr;
    const EdgeFilterGuard look([&](const Node& node, int, Tensor g) {
      if (std::string(node.op()) == "mul") of_output = g.data<double>();
      if (std::string(node.op()) == "tanh") of_input = g.data<double>();
      return g;
    });
    grad(y, {x}, {.create_graph = create_graph});
    CHECK((of_input == of_output) == !create_graph);
  }
}

TEST_CASE("a sweep writes over no gradient and no value that somebody holds") {
  const Tensor x = leaf({-0.5, 0.5}), seed = tensor({3., 4.}, f64);
  const Tensor h = x * 2, y = tanh(h);
  const std::vector<double> value = values(y), input = values(h);
  const double slope = 1 - value[1] * value[1];
  for (const bool create_graph : {false, true}) {
    const std::vector<Tensor> gradients = grad({y}, {seed}, {y, h, x}, {.create_graph = create_graph});
    CHECK(values(gradients[0]) == std::vector<double>{3, 4});
    CHECK(values(gradients[1])[1] == Approx(4 * slope));
    CHECK(values(gradients[2])[1] == Approx(8 * slope));
    CHECK(values(seed) == std::vector<double>{3, 4});
    CHECK(values(y) == value);
    CHECK(values(h) == input);
  }
}

TEST_CASE("a chain of a million operations is swept and freed without deep recursion") {
  const std::size_t before = live_bytes();
  for (const bool sweep : {true, false}) {
    const Tensor x = leaf({1.});
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = y + 1.0;
    if (sweep) {
      y.backward();
      CHECK(x.grad().item() == 1);
    }
  }
  CHECK(live_bytes() <= before + 4096);
}

TEST_CASE("a wide graph with a million edges") {
  const Tensor x = leaf({1.});
  std::vector<Tensor> layer(1000, x);
  for (int depth = 0; depth < 3; ++depth) {
    for (Tensor& y : layer) y = y * 0.5;
  }
  Tensor total = layer[0];
  for (std::size_t i = 1; i < layer.size(); ++i) total += layer[i];
  total.backward();
  CHECK(x.grad().item() == Approx(125));
}

TEST_CASE("NoGrad and EnableGrad switch recording for this thread") {
  const Tensor x = leaf({1., 2.});
  {
    const NoGrad off;
    CHECK(!(x * x).requires_grad());
    {
      const EnableGrad on;
      CHECK((x * x).requires_grad());
    }
    CHECK(!(x * x).requires_grad());
    bool elsewhere = false;
    std::thread([&] { elsewhere = (x * x).requires_grad(); }).join();
    CHECK(elsewhere);
  }
  CHECK((x * x).requires_grad());
  CHECK(!x.detach().requires_grad());
}

TEST_CASE("anomaly mode names the first operation with a NaN or infinity, forward and backward") {
  const AnomalyMode anomaly;
  const Tensor x = leaf({1., 0.});
  CHECK_THAT(error_of([&] { 1.0 / x; }), ContainsSubstring("div: the output of shape (2,) has inf at element 1"));
  const auto infinite_gradient = [](const Tensor& v) {
    return record("broken", v.detach() * 1.0, Edge{v, [](const Tensor& g) { return g.detach() / zeros_like(g); }});
  };
  const AnomalyMode again;
  CHECK_THAT(error_of([&] { sum(infinite_gradient(x)).backward(); }), ContainsSubstring("div: the output"));
}

TEST_CASE("a pullback of the wrong shape or type is an error that names the op and the input") {
  const Tensor x = leaf({1., 2.});
  const Tensor wrong = record("mine", x.detach() * 1.0, Edge{x, [](const Tensor& g) { return sum(g); }});
  CHECK_THAT(
      error_of([&] { sum(wrong).backward(); }),
      ContainsSubstring("mine: the gradient of input 0 is f64 (), the input is f64 (2,); its pullback is wrong"));
}

TEST_CASE("an error in a formula reaches the caller, leaves swept before it keep their gradients") {
  const Tensor x = leaf({1., 2.}), deep = leaf({3., 4.});
  const Tensor broken = record("broken", deep.detach() * 2.0,
                               Edge{deep, [](const Tensor&) -> Tensor { throw std::runtime_error("out of order"); }});
  CHECK_THROWS_WITH(sum(broken * x).backward(), "out of order");
  CHECK(values(x.grad()) == std::vector<double>{6, 8});
  CHECK(!deep.grad().defined());
  x.zero_grad();
  sum(deep * x).backward();
  CHECK(values(x.grad()) == std::vector<double>{3, 4});
  CHECK(values(deep.grad()) == std::vector<double>{1, 2});
}

TEST_CASE("two threads build and sweep graphs over shared parameters with the same results as one") {
  const Tensor w = randn({64, 64}, f64).requires_grad_();
  const auto work = [&](int which) {
    Tensor y = w;
    for (int i = 0; i < 20; ++i) y = y * w * (0.1 * which) + w;
    return hash_of(grad(sum(y), {w})[0]);
  };
  const std::uint64_t first = work(1), second = work(2);
  for (int round = 0; round < 10; ++round) {
    std::uint64_t one = 0, two = 0;
    std::thread other([&] { two = work(2); });
    one = work(1);
    other.join();
    CHECK(one == first);
    CHECK(two == second);
  }
}

TEST_CASE("two threads may build parts of one graph - the order of sums does not depend on them") {
  const Tensor x = randn({100}, f64).requires_grad_();
  const auto branch = [&](double by) {
    Tensor y = x;
    for (int i = 0; i < 50; ++i) y = y * x + by;
    return y;
  };
  const auto total_gradient = [&](const Tensor& a, const Tensor& b) { return hash_of(grad(sum(a + b), {x})[0]); };
  const std::uint64_t expected = total_gradient(branch(1), branch(2));
  for (int round = 0; round < 10; ++round) {
    Tensor a, b;
    std::thread other([&] { b = branch(2); });
    a = branch(1);
    other.join();
    CHECK(total_gradient(a, b) == expected);
  }
}

TEST_CASE("two sweeps into one leaf at the same time are refused or take turns, and never race") {
  const Tensor x = zeros({1 << 16}).requires_grad_();
  const auto work = [&] {
    std::vector<std::string> messages;
    for (int i = 0; i < 50; ++i) messages.push_back(error_of([&] { sum(x * 2.0).backward(); }));
    return messages;
  };
  std::vector<std::string> messages, others;
  std::thread other([&] { others = work(); });
  messages = work();
  other.join();
  messages.insert(messages.end(), others.begin(), others.end());
  int refused = 0;
  for (const std::string& message : messages) {
    if (message == "no error") continue;
    CHECK_THAT(message, ContainsSubstring("two threads add to the gradient of one leaf at the same time"));
    ++refused;
  }
  const double added = x.grad().to_vector<float>()[0];
  CHECK(added == 2.0 * (100 - refused));
}

TEST_CASE("gradcheck says which input, which element, and both values - zeros prove nothing") {
  const Tensor x = leaf({{1., 2.}, {3., 4.}});
  const auto wrong = [](const std::vector<Tensor>& in) {
    return record("wrong", (in[0] * in[0]).detach(), Edge{in[0], [x = in[0]](const Tensor& g) { return g * x * 2.5; }});
  };
  const GradcheckReport report = gradcheck(wrong, {x});
  CHECK(!report.ok);
  CHECK_THAT(report.text, ContainsSubstring("4 of 4 derivatives are wrong"));
  CHECK_THAT(report.text, ContainsSubstring("input 0 at (1, 1): the gradient says"));
  const auto nothing = [](const std::vector<Tensor>& in) { return in[0] * 0.0; };
  CHECK_THAT(gradcheck(nothing, {x}).text, ContainsSubstring("the gradient of input 0 is zero everywhere"));
  CHECK(gradcheck(nothing, {x}, {.expect_zero = true}).ok);
  const auto square = [](const std::vector<Tensor>& in) { return in[0] * in[0]; };
  CHECK_THAT(gradcheck(square, {x}, {.expect_zero = true}).text,
             ContainsSubstring("was to be zero everywhere and is not"));
  CHECK(gradcheck(square, {x}).elements == 4);
  // The first derivative is right, its graph is cut: only the second order shows it.
  const auto cut = [](const std::vector<Tensor>& in) {
    return record("cut", (in[0] * in[0]).detach(),
                  Edge{in[0], [x = in[0].detach()](const Tensor& g) { return g * x * 2.0; }});
  };
  CHECK(gradcheck(cut, {x}).ok);
  CHECK(!gradgradcheck(cut, {x}).ok);
  CHECK_THAT(error_of([&] { gradcheck(square, {ones({2}).requires_grad_()}); }),
             ContainsSubstring("inputs must be f64"));
  CHECK_THAT(error_of([&] { gradcheck(square, {ones({2}, f64)}); }), ContainsSubstring("no input requires a gradient"));
}
