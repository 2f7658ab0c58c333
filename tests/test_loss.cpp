// Losses: values and gradients against PyTorch's, corner cases, errors.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Reduction none = Reduction::none;

Tensor example() { return tensor({{0.5, -1.25, 2.0}, {1.5, 0.25, -0.75}}, f64).requires_grad_(); }
Tensor class_weight() { return tensor({0.5, 2.0, 1.5}, f64); }
Tensor labels() { return tensor({2, 0}); }
Tensor targets() { return tensor({{0.0, 1.0, 0.25}, {1.0, 0.5, 1.0}}, f64); }

// Does `f` of example() have this value and this gradient?
template <class F>
void check(const F& f, double value, const NestedList& gradient) {
  const Tensor x = example(), y = f(x);
  y.backward();
  CHECK(std::abs(y.item() - value) < 1e-11);
  CHECK(allclose(x.grad(), reshape(tensor(gradient, f64), {2, 3}), 0, 1e-11));
}

}  // namespace

TEST_CASE("cross_entropy of class indices has PyTorch's values and gradients", "[loss]") {
  check([](const Tensor& x) { return cross_entropy(x, labels()); }, 0.281647296255,
        {0.088410091054, 0.015363370163, -0.103773461217, -0.140779829424, 0.102918301999, 0.037861527426});
  check([](const Tensor& x) { return cross_entropy(x, labels(), {.weight = class_weight()}); }, 0.257134639678,
        {0.132615136581, 0.023045055245, -0.155660191825, -0.070389914712, 0.051459150999, 0.018930763713});
  check([](const Tensor& x) { return cross_entropy(x, labels(), {.weight = class_weight(), .label_smoothing = 0.1}); },
        0.487724148544,
        {0.12280830173, -0.010544334258, -0.112263967472, -0.023788233831, 0.026702342833, -0.002914109002});
  check([](const Tensor& x) { return cross_entropy(x, labels(), {.ignore_index = 2}); }, 0.330672609407,
        {0.0, 0.0, 0.0, -0.281559658849, 0.205836603998, 0.075723054851});
  check(
      [](const Tensor& x) {
        return cross_entropy(x, labels(), {.weight = class_weight(), .ignore_index = 0, .label_smoothing = 0.1});
      },
      0.391148405512, {0.163744402306, -0.014059112344, -0.149685289962, 0.0, 0.0, 0.0});
  check(
      [](const Tensor& x) {
        return cross_entropy(x, labels(), {.weight = class_weight(), .reduction = Reduction::sum});
      },
      0.514269279357,
      {0.265230273161, 0.04609011049, -0.311320383651, -0.140779829424, 0.102918301999, 0.037861527426});
  CHECK(allclose(cross_entropy(example(), labels(), {.weight = class_weight(), .reduction = none}),
                 tensor({0.348932974653, 0.165336304704}, f64), 0, 1e-11));
}

TEST_CASE("cross_entropy of one sample, of pixels, and of probabilities", "[loss]") {
  check([](const Tensor& x) { return cross_entropy(select(x, 0, 0), tensor(1)); }, 3.482621983102,
        {0.176820182107, -0.969273259674, 0.792453077566, 0.0, 0.0, 0.0});
  const Tensor probabilities = tensor({{0.2, 0.3, 0.5}, {0.6, 0.1, 0.3}}, f64);
  check(
      [&](const Tensor& x) {
        return cross_entropy(x, probabilities, {.weight = class_weight(), .label_smoothing = 0.1});
      },
      2.062576357330,
      {0.073829847632, -0.281235685915, 0.207405838283, 0.211695935252, -0.021615744858, -0.190080190394});
  const Tensor pixels = reshape(arange(0, 12, 1, f64), {2, 3, 2}) / 7;
  CHECK(std::abs(cross_entropy(pixels, tensor({{0, 2}, {1, 0}})).item() - 1.1970687894094463) < 1e-12);
  CHECK(std::abs(cross_entropy(pixels, softmax(pixels, 1)).item() - 1.0719460218672596) < 1e-12);
}

TEST_CASE("cross_entropy of many classes and of large logits", "[loss]") {
  const Tensor x = randn({7, 3000}, f32, random_key(1, "classes", 0)),
               target = randint(0, 3000, 7, random_key(1, "labels", 0));
  CHECK(allclose(cross_entropy(x, target, {.reduction = none}),
                 nll_loss(log_softmax(x, 1), target, {.reduction = none})));
  CHECK(cross_entropy(tensor({{1e4, -1e4}}), tensor({1})).item() == 2e4);
  CHECK(cross_entropy(tensor({{0.0, -infinity}}), tensor({1})).item() == infinity);
  CHECK(cross_entropy(tensor({{0.0, -infinity}}), tensor({0})).item() == 0);
}

TEST_CASE("cross_entropy and nll_loss where nothing counts", "[loss]") {
  const Tensor x = zeros({2, 3}).requires_grad_(), ignored = full(2, -100, i64);
  const Tensor y = cross_entropy(x, ignored);
  y.backward();
  CHECK(std::isnan(y.item()));
  CHECK(equal(x.grad(), zeros({2, 3})));
  CHECK(cross_entropy(x, ignored, {.reduction = Reduction::sum}).item() == 0);
  CHECK(std::isnan(nll_loss(x, ignored).item()));
  CHECK(std::isnan(cross_entropy(zeros({0, 3}), zeros(0, i64)).item()));
  CHECK(cross_entropy(zeros({0, 3}), zeros(0, i64), {.reduction = Reduction::sum}).item() == 0);
  CHECK(cross_entropy(zeros({0, 3}), zeros(0, i64), {.reduction = none}).shape() == Shape{0});
}

TEST_CASE("nll_loss has PyTorch's values, and reads nothing but the labels' classes", "[loss]") {
  check([](const Tensor& x) { return nll_loss(x, labels(), {.weight = class_weight()}); }, -1.875,
        {0.0, 0.0, -0.75, -0.25, 0.0, 0.0});
  CHECK(nll_loss(tensor({{-1.0, -infinity}}), tensor({0})).item() == 1);
  CHECK(nll_loss(tensor({-1.0, -2.0}), tensor(1)).item() == 2);
}

TEST_CASE("losses over classes say what is wrong", "[loss]") {
  const Tensor x = zeros({4, 10});
  CHECK(error_of([&] {
          cross_entropy(x, tensor({1, 2, 3, 12}));
        }) == "cross_entropy: label 12 at position 3 is out of range [0, 10)");
  CHECK(error_of([&] {
          nll_loss(x, tensor({-1, 2, 3, 4}));
        }) == "nll_loss: label -1 at position 0 is out of range [0, 10)");
  CHECK(error_of([&] {
          cross_entropy(x, tensor({1, 2}));
        }) == "cross_entropy: an input of shape (4, 10) needs class indices of shape (4,), got (2,)");
  CHECK(error_of([&] {
          cross_entropy(x, zeros({4, 9}));
        }) == "cross_entropy: logits of shape (4, 10) need class probabilities of that shape, got (4, 9)");
  CHECK(error_of([&] { nll_loss(x, zeros(4)); }) ==
        "nll_loss: class indices must be i64, got f32; use cast(target, i64)");
  CHECK(error_of([&] { cross_entropy(x, zeros(4, i64), {.weight = ones(3)}); }) ==
        "cross_entropy: weight must be f32 of shape (10,), got f32 of shape (3,)");
  CHECK(error_of([&] { cross_entropy(x, zeros(4, i64), {.weight = ones(10).requires_grad_()}); }) ==
        "cross_entropy: weight has no gradient; use weight.detach()");
  CHECK(error_of([&] { cross_entropy(x, zeros(4, i64), {.label_smoothing = 1.5}); }) ==
        "cross_entropy: label_smoothing is 1.5, not in [0, 1]");
  CHECK(error_of([] { cross_entropy(tensor(1.0), tensor(0)); }) ==
        "cross_entropy: the logits need a dimension for the classes");
}

TEST_CASE("losses of elements have PyTorch's values and gradients", "[loss]") {
  check([](const Tensor& x) { return mse_loss(x, targets()); }, 1.958333333333,
        {0.166666666667, -0.75, 0.583333333333, 0.166666666667, -0.083333333333, -0.583333333333});
  check([](const Tensor& x) { return l1_loss(x, targets()); }, 1.166666666667,
        {0.166666666667, -0.166666666667, 0.166666666667, 0.166666666667, -0.166666666667, -0.166666666667});
  check([](const Tensor& x) { return huber_loss(x, targets(), {.delta = 0.7}); }, 0.595208333333,
        {0.083333333333, -0.116666666667, 0.116666666667, 0.083333333333, -0.041666666667, -0.116666666667});
  check([](const Tensor& x) { return smooth_l1_loss(x, targets()); }, 0.755208333333,
        {0.083333333333, -0.166666666667, 0.166666666667, 0.083333333333, -0.041666666667, -0.166666666667});
  check([](const Tensor& x) { return smooth_l1_loss(x, targets(), {.beta = 0}); }, 1.166666666667,
        {0.166666666667, -0.166666666667, 0.166666666667, 0.166666666667, -0.166666666667, -0.166666666667});
}

TEST_CASE("binary cross-entropies have PyTorch's values and gradients", "[loss]") {
  check([](const Tensor& x) { return binary_cross_entropy_with_logits(x, targets()); }, 1.023692963424,
        {0.103743221867, -0.129549976862, 0.10513284633, -0.030404253968, 0.010362750148, -0.113196449863});
  check(
      [](const Tensor& x) {
        const Tensor pos_weight = tensor({2.0, 0.5, 1.0}, f64);
        return binary_cross_entropy_with_logits(x, targets(), {.weight = class_weight(), .pos_weight = pos_weight});
      },
      1.241664751162,
      {0.051871610933, -0.129549976862, 0.157699269494, -0.030404253968, 0.057210791888, -0.169794674794});
  check([](const Tensor& x) { return binary_cross_entropy(sigmoid(x), targets(), {.weight = class_weight()}); },
        1.523196776544,
        {0.051871610933, -0.259099953725, 0.157699269494, -0.015202126984, 0.020725500295, -0.169794674794});
}

TEST_CASE("binary cross-entropies at the ends of their ranges", "[loss]") {
  const Tensor logits = tensor({1000.0, -1000.0, 0.0}), target = tensor({0.0, 1.0, 1.0});
  CHECK(allclose(binary_cross_entropy_with_logits(logits, target, {.reduction = none}),
                 tensor({1000.0, 1000.0, std::log(2.0)})));
  const Tensor x = tensor({0.0, 1.0, 0.3}).requires_grad_();
  const Tensor y = binary_cross_entropy(x, tensor({1.0, 0.0, 1.0}), {.reduction = none});
  sum(y).backward();
  CHECK(allclose(y, tensor({100.0, 100.0, -std::log(0.3)})));
  CHECK(allclose(x.grad(), tensor({-1e12, 1e12, -1 / 0.3})));
}

TEST_CASE("losses of elements say what is wrong", "[loss]") {
  CHECK(error_of([] {
          mse_loss(zeros({2, 3}), zeros(3));
        }) == "mse_loss: the input has shape (2, 3) and the target (3,); use reshape() or expand()");
  CHECK(error_of([] {
          binary_cross_entropy(tensor({0.5, 1.5}), zeros(2));
        }) == "binary_cross_entropy: an input is not in [0, 1]; use binary_cross_entropy_with_logits for logits");
  CHECK(error_of([] { l1_loss(zeros(2), zeros(2, f64)); }) == "l1_loss: the inputs are f32 and f64; use cast(x, f32)");
  CHECK(error_of([] { huber_loss(zeros(2), zeros(2), {.delta = 0}); }) == "huber_loss: delta is 0; use a positive one");
  CHECK(std::isnan(mse_loss(zeros(0), zeros(0)).item()));
}
