// Scopes, parameters, layers and initial values.
#include <cmath>
#include <thread>

#include "catch.hpp"
#include "ravel/nn/conv.hpp"
#include "ravel/nn/dropout.hpp"
#include "ravel/nn/init.hpp"
#include "ravel/nn/linear.hpp"
#include "ravel/nn/loss.hpp"
#include "ravel/nn/sequential.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

std::vector<std::string> paths(const nn::Scope& scope) {
  std::vector<std::string> names;
  for (const nn::Parameter& parameter : scope.parameters()) names.push_back(parameter.path());
  return names;
}

struct TwoLayers {
  nn::Linear hidden, out;
  explicit TwoLayers(const nn::Scope& s) : hidden(s / "hidden", 4, 3), out(s / "out", 3, 2) {}
  Tensor operator()(const Tensor& x) const { return out(tanh(hidden(x))); }
};

}  // namespace

TEST_CASE("parameters have dotted names and start from the seed and their path alone") {
  const nn::Scope scope(5);
  const TwoLayers net(scope / "net");
  CHECK(paths(scope) ==
        std::vector<std::string>{"net.hidden.weight", "net.hidden.bias", "net.out.weight", "net.out.bias"});
  CHECK(paths(scope / "net" / "out") == std::vector<std::string>{"net.out.weight", "net.out.bias"});
  const nn::Scope other(5);
  const nn::Linear first(other / "something else", 9, 9);
  const TwoLayers again(other / "net");
  CHECK(equal(again.out.weight, net.out.weight));
  CHECK(!equal(TwoLayers(nn::Scope(6) / "net").out.weight, net.out.weight));
  CHECK(net.hidden.weight.tensor().requires_grad());
}

TEST_CASE("names that are taken or malformed are errors that name them") {
  const nn::Scope scope;
  const nn::Linear layer(scope / "a", 2, 2);
  CHECK_THAT(error_of([&] { nn::Linear(scope / "a", 2, 2); }), ContainsSubstring("a.weight: this name is taken"));
  CHECK_THAT(error_of([&] { scope / "a.b"; }), ContainsSubstring("\"a.b\" is no name of a part"));
  CHECK_THAT(error_of([&] { scope.parameter("", 2, nn::constant(0)); }),
             ContainsSubstring("\"\" is no name of a parameter"));
  CHECK_THAT(error_of([&] { nn::Parameter().tensor(); }), ContainsSubstring("was not made in a scope"));
  CHECK_THAT(error_of([&] { scope.share("w", nn::Parameter()); }), ContainsSubstring("was not made in a scope"));
  CHECK_THAT(error_of([&] { nn::Buffer().set(zeros(1)); }), ContainsSubstring("was not made in a scope"));
}

TEST_CASE("an error inside a module names its path") {
  const nn::Scope scope;
  const TwoLayers net(scope / "net");
  const std::string message = error_of([&] { net(zeros({5, 7})); });
  CHECK_THAT(message, ContainsSubstring("net.hidden: linear: "));
  CHECK_THAT(message, ContainsSubstring("(5, 7)"));
  const AnomalyMode anomaly;
  CHECK_THAT(error_of([&] { net(full({5, 4}, INFINITY)); }), ContainsSubstring("net.hidden: linear: the output"));
}

TEST_CASE("linear computes x W^T + b for any leading dimensions, with or without bias") {
  const nn::Scope scope(0, f64);
  const nn::Linear layer(scope / "l", 3, 2), plain(scope / "p", 3, 2, {.bias = false});
  layer.weight.set(tensor({{1., 2., 3.}, {4., 5., 6.}}, f64));
  layer.bias.set(tensor({10., 20.}, f64));
  CHECK(equal(layer(tensor({1., 0., -1.}, f64)).detach(), tensor({8., 18.}, f64)));
  CHECK(layer(zeros({2, 5, 3}, f64)).shape() == Shape{2, 5, 2});
  CHECK(!plain.bias.defined());
  CHECK(plain(zeros({4, 3}, f64)).shape() == Shape{4, 2});
}

TEST_CASE("initial values have the bounds and deviations that their sources give") {
  const auto values = [](const nn::Initializer& initializer, const Shape& shape) {
    return initializer(shape, f64, random_key(1, "w")).to_vector<double>();
  };
  const auto bound = [&](const std::vector<double>& x) {
    return std::abs(
        *std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  };
  const auto deviation = [](const std::vector<double>& x) {
    double squares = 0;
    for (const double v : x) squares += v * v;
    return std::sqrt(squares / static_cast<double>(x.size()));
  };
  const Shape shape = {50, 20, 3, 3};  // fan in 180, fan out 450
  CHECK(bound(values(nn::xavier_uniform(), shape)) == Approx(std::sqrt(6. / 630)).epsilon(0.01));
  CHECK(deviation(values(nn::xavier_normal(), shape)) == Approx(std::sqrt(2. / 630)).epsilon(0.03));
  CHECK(bound(values(nn::kaiming_uniform(), shape)) == Approx(std::sqrt(6. / 180)).epsilon(0.01));
  CHECK(deviation(values(nn::kaiming_normal(), shape)) == Approx(std::sqrt(2. / 180)).epsilon(0.03));
  CHECK(bound(values(nn::fan_in_uniform(180), shape)) == Approx(1 / std::sqrt(180.)).epsilon(0.01));
  CHECK(deviation(values(nn::normal(0, 2), shape)) == Approx(2).epsilon(0.03));
  CHECK(values(nn::constant(3), {2}) == std::vector<double>{3, 3});
  CHECK_THAT(error_of([&] { values(nn::xavier_uniform(), 3); }),
             ContainsSubstring("a weight of shape (3,) has no fan"));
  const nn::Scope scope(0);
  const nn::Conv2d conv(scope / "c", 20, 50, 3);
  CHECK(bound(cast(conv.weight, f64).detach().to_vector<double>()) == Approx(1 / std::sqrt(180.)).epsilon(0.01));
}

TEST_CASE("sequential infers sizes, names its layers as PyTorch does, and says which layer does not fit") {
  const nn::Scope scope;
  const nn::Sequential net(
      scope, {1, 28, 28},
      {nn::conv2d(4, 3, {.stride = 2}), nn::relu(), nn::max_pool2d(2), nn::flatten(), nn::linear(10)});
  CHECK(net.output() == Shape{10});
  CHECK(paths(scope) == std::vector<std::string>{"0.weight", "0.bias", "4.weight", "4.bias"});
  CHECK(net(zeros({5, 1, 28, 28})).shape() == Shape{5, 10});
  CHECK_THAT(error_of([] {
               nn::Sequential(nn::Scope(), {28, 28}, {nn::conv2d(4, 3)});
             }),
             ContainsSubstring("0: conv2d: needs inputs of 3 dimensions besides the batch, gets (28, 28)"));
}

TEST_CASE("sequential with relu after a layer gives the bits, gradients and second derivatives of the two apart") {
  struct Case {
    nn::LayerMaker layer;
    Shape input;
  };
  for (const Case& c : {Case{nn::linear(5), {4}},
                        {nn::conv1d(3, 3, {.padding = 1}), {2, 9}},
                        {nn::conv2d(3, {3, 2}, {.stride = 2}), {2, 7, 6}}}) {
    const nn::Scope scope(3, f64), same(3, f64);
    const nn::Sequential fused(scope, c.input, {c.layer, nn::relu()}), plain(same, c.input, {c.layer});
    CHECK(fused.output() == plain.output());
    Shape shape = c.input;
    shape.insert(0, 2);
    const auto bits = [&](const nn::Scope& model, const auto& net) {
      const Tensor x = randn(shape, f64, random_key(1, "x")).requires_grad_();
      const Tensor y = net(x), dx = grad(sum(y * y), {x}, {.create_graph = true})[0];
      std::vector<std::uint64_t> hashes = {hash_of(y), hash_of(dx)};
      sum(dx * dx).backward();
      for (const nn::Parameter& p : model.parameters()) hashes.push_back(hash_of(p.grad()));
      return hashes;
    };
    const auto apart = [&](const Tensor& x) { return ravel::relu(plain(x)); };
    const std::vector<std::uint64_t> expected = bits(same, apart);
    CHECK(bits(scope, fused) == expected);
    for (const nn::Parameter& p : scope.parameters()) p.zero_grad();
    const AnomalyMode anomaly;
    CHECK(bits(scope, fused) == expected);
  }
}

TEST_CASE("dropout follows its scope's mode, and the step and the path decide what it draws") {
  const nn::Scope scope;
  const nn::Dropout a(scope / "a", 0.5), b(scope / "b", 0.5);
  const Tensor x = ones(1000);
  const auto draw = [&](const nn::Dropout& layer, std::uint64_t step) {
    const RandomStep random(step);
    return hash_of(layer(x));
  };
  CHECK(draw(a, 1) == draw(a, 1));
  CHECK(draw(a, 1) != draw(a, 2));
  CHECK(draw(a, 1) != draw(b, 1));
  (scope / "a").eval();
  CHECK(equal(a(x), x));
  CHECK(!equal(b(x), x));
  scope.eval();
  CHECK(equal(b(x), x));
  CHECK_THAT(error_of([&] { nn::Dropout(scope / "c", 1.5); }), ContainsSubstring("dropout: 1.5 is no probability"));
}

TEST_CASE("snapshots are consistent, load strictly or with a report, and leave the model alone after an error") {
  const nn::Scope scope(1), other(2);
  const TwoLayers net(scope), twin(other);
  const nn::Snapshot snapshot = scope.snapshot();
  CHECK(snapshot.size() == 4);
  CHECK(nn::hash_of(other) != nn::hash_of(scope));
  CHECK(other.load(snapshot).missing.empty());
  CHECK(nn::hash_of(other) == nn::hash_of(scope));
  nn::Snapshot wrong = snapshot;
  wrong.erase("out.bias");
  wrong.emplace("extra", zeros(1));
  const std::uint64_t before = nn::hash_of(other);
  CHECK_THAT(error_of([&] { other.load(wrong); }), ContainsSubstring("missing: [out.bias]; unexpected: [extra]"));
  const nn::LoadReport report = other.load(wrong, false);
  CHECK(report.missing == std::vector<std::string>{"out.bias"});
  CHECK(report.unexpected == std::vector<std::string>{"extra"});
  wrong["hidden.weight"] = zeros({3, 5});
  CHECK_THAT(error_of([&] { other.load(wrong, false); }),
             ContainsSubstring("load: hidden.weight is f32 (3, 4) here and f32 (3, 5) in the snapshot"));
  CHECK(nn::hash_of(other) == before);
}

TEST_CASE("buffers are saved and not trained - shared parameters are trained once and saved under both names") {
  const nn::Scope scope(0, f64);
  const nn::Buffer mean = scope.buffer("mean", zeros(2, f64));
  const nn::Parameter w = scope.parameter("w", {2, 2}, nn::constant(1));
  const nn::Parameter tied = (scope / "decoder").share("w", w);
  CHECK(tied == w);
  CHECK(scope.parameters().size() == 1);
  CHECK(scope.snapshot().size() == 3);
  CHECK(!mean.tensor().requires_grad());
  mean.set(ones(2, f64));
  CHECK(scope.snapshot().at("mean").to_vector<double>() == std::vector<double>{1, 1});
  CHECK_THAT(error_of([&] { mean.set(ones(3, f64)); }),
             ContainsSubstring("mean: it is f64 (2,), the new value f64 (3,)"));
  CHECK_THAT(error_of([&] { nn::Scope().share("w", w); }), ContainsSubstring("w is a parameter of another model"));
}

TEST_CASE("freezing stops gradients below a scope, to() casts a model") {
  const nn::Scope scope;
  const TwoLayers net(scope);
  (scope / "hidden").freeze();
  sum(net(ones({2, 4}))).backward();
  CHECK(!net.hidden.weight.grad().defined());
  CHECK(net.out.weight.grad().defined());
  scope.freeze(false);
  CHECK(net.hidden.weight.tensor().requires_grad());
  scope.to(f64);
  CHECK(net(ones({2, 4}, f64)).dtype() == f64);
  CHECK(net.out.weight.tensor().requires_grad());
}

TEST_CASE("modules pass gradient checks of both orders") {
  const nn::Scope scope(3, f64);
  const TwoLayers net(scope);
  const auto f = [&](const std::vector<Tensor>& in) { return net(in[0]); };
  const std::vector<Tensor> inputs = {randn({3, 4}, f64, random_key(1, "x")).requires_grad_()};
  CHECK(gradcheck(f, inputs).text == gradcheck(f, inputs).text);
  CHECK(gradcheck(f, inputs).ok);
  CHECK(gradgradcheck(f, inputs).ok);
}

TEST_CASE("one module runs in several threads at once in eval mode") {
  const nn::Scope scope;
  const TwoLayers net(scope);
  scope.eval();
  const Tensor x = randn({16, 4});
  const std::uint64_t expected = hash_of(net(x));
  std::vector<std::uint64_t> hashes(4);
  std::vector<std::thread> threads;
  for (std::uint64_t& hash : hashes) {
    threads.emplace_back([&] {
      const NoGrad no_grad;
      for (int i = 0; i < 50; ++i) hash = hash_of(net(x));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::uint64_t hash : hashes) CHECK(hash == expected);
}

TEST_CASE("a training run with dropout and Adam ends with the same bits on 1, 2, 3 and 8 threads") {
  const int before = threads();
  const auto train = [](int count) {
    set_threads(count);
    const nn::Scope scope(11);
    const nn::Sequential net(
        scope, {1, 12, 12},
        {nn::conv2d(8, 3), nn::relu(), nn::conv2d(16, 3, {.padding = 1}), nn::relu(), nn::max_pool2d(2),
         nn::dropout(0.25), nn::flatten(), nn::linear(64), nn::tanh(), nn::dropout(0.5), nn::linear(10)});
    optim::Adam optimizer(scope.parameters());
    const Tensor x = randn({96, 1, 12, 12}, f32, random_key(1, "x"));
    const Tensor labels = randint(0, 10, 96, random_key(1, "labels"));
    for (std::uint64_t step = 0; step < 8; ++step) {
      const RandomStep random(4, step);
      optimizer.zero_grad();
      cross_entropy(net(x), labels).backward();
      optimizer.step();
    }
    return nn::hash_of(scope);
  };
  const std::uint64_t expected = train(1);
  for (const int count : {2, 3, 8}) CHECK(train(count) == expected);
  set_threads(before);
}
