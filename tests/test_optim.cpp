// Optimizers: their rules against PyTorch's, and what they do to memory and to those who hold a value.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "ravel/nn/init.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/optim/sgd.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

namespace {

// A model of one parameter (1, -2, 3).
struct Point {
  nn::Scope scope{0, f64};
  nn::Parameter p = scope.parameter("p", 3, [](const Shape&, Dtype, const RandomKey&) {
    return tensor({1., -2., 3.}, f64);
  });

  Tensor loss() const { return sum(p * p * p) / 3.0 + sum(p * tensor({1., 2., -1.}, f64)); }

  template <class Rule>
  std::vector<double> after_four_steps(const Rule& rule) {
    optim::Optimizer<Rule> optimizer(scope.parameters(), rule);
    for (int i = 0; i < 4; ++i) {
      optimizer.zero_grad();
      loss().backward();
      optimizer.step();
    }
    return p.tensor().to_vector<double>();
  }
};

void check_close(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("sgd does what PyTorch's does") {
  check_close(Point().after_four_steps(optim::SgdRule{.lr = 0.1}),
              {0.370993380105984, -7.46985483031578, 1.43460678772326});
  check_close(Point().after_four_steps(optim::SgdRule{.lr = 0.05, .momentum = 0.9}),
              {0.205089340873657, -5.94207859165066, 0.551506942504448});
  check_close(
      Point().after_four_steps(optim::SgdRule{.lr = 0.05, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1}),
      {0.305525436396965, -4.8047744422134, 0.760295918635392});
  check_close(
      Point().after_four_steps(optim::SgdRule{.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true}),
      {-0.015040018248885, -9.54925037069016, 0.421988455579119});
}

TEST_CASE("adam and adamw do what PyTorch's do") {
  check_close(Point().after_four_steps(optim::AdamRule{.lr = 0.1}),
              {0.603242376308413, -2.40100946278359, 2.60244094299784});
  check_close(Point().after_four_steps(
                  optim::AdamRule{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.1}),
              {0.604670444364095, -2.40194481387287, 2.60346980014221});
  check_close(Point().after_four_steps(optim::AdamWRule{.lr = 0.1}),
              {0.599884484204381, -2.39241004511316, 2.59115310475929});
  check_close(Point().after_four_steps(optim::AdamWRule{.lr = 0.1, .weight_decay = 0.3}),
              {0.507279269339817, -2.15344577031915, 2.27934629634019});
}

TEST_CASE("a step changes parameters in place, unless somebody holds the old value") {
  Point point;
  optim::Sgd optimizer(point.scope.parameters(), {.lr = 0.1});
  point.loss().backward();
  const double* const before = point.p.tensor().data<double>();
  optimizer.step();
  CHECK(point.p.tensor().data<double>() == before);
  const nn::Snapshot snapshot = point.scope.snapshot();
  const std::vector<double> values = snapshot.at("p").to_vector<double>();
  optimizer.step();
  CHECK(point.p.tensor().data<double>() != before);
  CHECK(snapshot.at("p").to_vector<double>() == values);
  CHECK(point.p.tensor().to_vector<double>() != values);
}

TEST_CASE("a graph that was recorded before a step keeps the values it was recorded with") {
  Point point;
  optim::Sgd optimizer(point.scope.parameters(), {.lr = 0.1});
  const Tensor held = sum(point.p * point.p);
  point.loss().backward();
  optimizer.step();
  optimizer.zero_grad();
  held.backward();
  CHECK(point.p.grad().to_vector<double>() == std::vector<double>{2, -4, 6});
}

TEST_CASE("parameters without gradient stay, the learning rate can change, gradients are kept until zero_grad") {
  Point point;
  optim::Sgd optimizer(point.scope.parameters(), {.lr = 0.5});
  optimizer.step();
  CHECK(point.p.tensor().to_vector<double>() == std::vector<double>{1, -2, 3});
  sum(point.p * 1.0).backward();
  optimizer.set_lr(0.25);
  CHECK(optimizer.lr() == 0.25);
  optimizer.step();
  CHECK(point.p.tensor().to_vector<double>() == std::vector<double>{0.75, -2.25, 2.75});
  CHECK(point.p.grad().defined());
  optimizer.zero_grad();
  CHECK(!point.p.grad().defined());
}

TEST_CASE("plain sgd ignores dampening and forgets a NaN") {
  check_close(Point().after_four_steps(optim::SgdRule{.lr = 0.1, .dampening = 0.5}),
              {0.370993380105984, -7.46985483031578, 1.43460678772326});
  Point point;
  const nn::Snapshot good = point.scope.snapshot();
  optim::Sgd optimizer(point.scope.parameters(), {.lr = 0.5});
  point.p.tensor().set_grad(tensor({1., 1., 1.}, f64));
  sum(point.p * std::numeric_limits<double>::quiet_NaN()).backward();
  optimizer.step();
  point.scope.load(good);
  optimizer.zero_grad();
  sum(point.p * 1.0).backward();
  optimizer.step();
  CHECK(point.p.tensor().to_vector<double>() == std::vector<double>{0.5, -2.5, 2.5});
}

TEST_CASE("a model that was cast needs a new optimizer, and a norm that is not finite cannot be clipped") {
  Point point;
  optim::Adam optimizer(point.scope.parameters());
  point.loss().backward();
  optimizer.step();
  point.scope.to(f32);
  sum(point.p * 1.0).backward();
  CHECK_THAT(error_of([&] { optimizer.step(); }),
             ContainsSubstring("optimizer: p was f64 in earlier steps and is f32 now; make a new optimizer"));
  point.p.zero_grad();
  sum(point.p * 1e20).backward();
  CHECK(optim::clip_grad_norm(point.scope.parameters(), 1) == Approx(std::sqrt(3) * 1e20));
  CHECK(point.p.grad().to_vector<float>()[0] == Approx(1 / std::sqrt(3)));
  sum(point.p * std::numeric_limits<double>::infinity()).backward();
  CHECK_THAT(error_of([&] { optim::clip_grad_norm(point.scope.parameters(), 1); }),
             ContainsSubstring("clip_grad_norm: the norm of the gradients is inf"));
}

TEST_CASE("options that make no sense are errors") {
  Point point;
  const std::vector<nn::Parameter> parameters = point.scope.parameters();
  CHECK_THAT(error_of([&] { optim::Sgd(parameters, {.lr = -1}); }),
             ContainsSubstring("sgd: a learning rate of -1; use 0 or more"));
  CHECK_THAT(error_of([&] { optim::Sgd(parameters, {.nesterov = true}); }),
             ContainsSubstring("nesterov needs a momentum above 0"));
  CHECK_THAT(error_of([&] { optim::Adam(parameters, {.beta1 = 1}); }), ContainsSubstring("adam: betas of 1 and 0.999"));
  CHECK_THAT(error_of([&] { optim::Adam(std::vector<nn::Parameter>{}); }),
             ContainsSubstring("there are no parameters to train"));
  optim::Sgd optimizer(parameters, {.lr = 0.1});
  CHECK_THAT(error_of([&] { optimizer.set_lr(-2); }), ContainsSubstring("a learning rate of -2"));
  CHECK(optimizer.lr() == 0.1);
}

TEST_CASE("clip_grad_norm scales all gradients together and returns the norm before") {
  nn::Scope scope(0, f64);
  const nn::Parameter a = scope.parameter("a", 1, nn::constant(1)), b = scope.parameter("b", 1, nn::constant(1));
  sum(a * 3.0 + b * 4.0).backward();
  CHECK(optim::clip_grad_norm(scope.parameters(), 10) == Approx(5));
  CHECK(a.grad().item() == 3);
  CHECK(optim::clip_grad_norm(scope.parameters(), 1) == Approx(5));
  CHECK(a.grad().item() == Approx(0.6));
  CHECK(b.grad().item() == Approx(0.8));
}
