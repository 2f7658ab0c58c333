// The Ravel side of compare.py, scaling.py, memory.py and curves.py: the nets of torch_nets.py, and the same commands.
// It reads them from its standard input, a line each, and answers each with a line:
//   about                 version and instruction set
//   list                  the names of the rows, in JSON
//   curves                rows that differ in one number, in JSON: {"batch": [[1, ROW], ...], ...}
//   peak                  GFLOP/s that its threads reach at most, in registers
//   handover              nanoseconds until one of its threads, two or more, sees what another has written
//   measure ROW STEPS     milliseconds per step, over STEPS steps that follow some to warm up
//   vary ROW STEPS        "ok" after so many steps with batches of changing size
//   check ROW FILE        trains a net without dropout from the input, target and parameters in FILE for three
//                         steps and answers with the number of its parameters, the loss before, between and after the
//                         steps, and the 2-norm of the last gradients
// Alone it serves a profiler well: echo "measure lenet5 b128 100" | nets --threads 1
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "peak/peak.hpp"
#include "ravel/nn/sequential.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/loss.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/slicing.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/optim/sgd.hpp"
#include "ravel/train/progress.hpp"
#include "side.hpp"

namespace {

using namespace ravel;

constexpr int warm_up_steps = 3, checked_steps = 3;
constexpr double momentum = 0.9;

enum class Rule { sgd, adam };
enum class Loss {
  classes,         // cross-entropy with random classes
  reconstruction,  // binary cross-entropy with the input
  mean             // the mean of the output
};

struct Recipe {
  Rule rule;
  double lr;
  Loss loss = Loss::classes;
};
constexpr Recipe sgd{Rule::sgd, 0.01}, adam{Rule::adam, 0.001};

using Layers = std::vector<nn::LayerMaker>;

struct Row {
  std::string name;
  Shape input;  // of one sample
  std::int64_t batch;
  Layers layers;
  Recipe recipe;
};

// Operations, tanh and + in turn, on tensors of so many rows and columns: what an operation costs beside its
// arithmetic. The parameter is so small that no gradient vanishes on its way through all the tanh.
nn::LayerMaker chain(std::int64_t size, std::int64_t operations) {
  return [=](const nn::Scope& scope, const Shape&) -> nn::Layer {
    const nn::Parameter x = scope.parameter("x", {size, size}, nn::uniform(0, 0.2 / static_cast<double>(operations)));
    return [x, operations](const Tensor& start) {
      Tensor y = start;
      for (std::int64_t i = 0; i < operations; i += 2) y = tanh(y + x);
      return y;
    };
  };
}

// The rows; dropout probabilities are multiplied by `dropout_scale`.
std::vector<Row> make_rows(double dropout_scale) {
  using namespace ravel::nn;
  const auto dropout = [=](double p) { return nn::dropout(dropout_scale * p); };

  const Layers mlp{linear(256), tanh(), linear(128), tanh(), linear(10)};
  const Layers small_mlp{linear(64), sigmoid(), linear(10)};
  const Layers wide_conv1d{conv1d(32, 3), max_pool1d(2), flatten(), linear(100), tanh(), linear(10)};
  // clang-format off
  const Layers deep_conv1d{conv1d(64, 5, {.padding = 2}), relu(), conv1d(64, 5, {.padding = 2}), relu(),
                           conv1d(128, 5, {.stride = 2}), relu(), flatten(), linear(10)};
  const Layers mnist_cnn{conv2d(32, 3), relu(), conv2d(64, 3), relu(), max_pool2d(2), dropout(0.25),
                         flatten(), linear(128), relu(), dropout(0.5), linear(10)};
  const Layers lenet5{conv2d(6, 5, {.padding = 2}), tanh(), avg_pool2d(2), conv2d(16, 5), tanh(), avg_pool2d(2),
                      flatten(), linear(120), tanh(), linear(84), tanh(), linear(10)};
  // clang-format on
  const Layers cifar_mlp{linear(256), relu(), linear(10)};
  const Layers autoencoder{linear(256), tanh(), linear(64), tanh(), linear(256), tanh(), linear(784), sigmoid()};

  return {{"mlp 784-256-128-10 b128 adam", {784}, 128, mlp, adam},
          {"mlp 784-256-128-10 b128 sgd", {784}, 128, mlp, sgd},
          {"mlp 784-64-10 b1 sgd", {784}, 1, small_mlp, sgd},
          {"conv1d 784 k3 c32 b128 adam", {1, 784}, 128, wide_conv1d, adam},
          {"conv1d deep c64 L256 b64", {64, 256}, 64, deep_conv1d, sgd},
          {"mnist cnn b64", {1, 28, 28}, 64, mnist_cnn, sgd},
          {"lenet5 b128", {1, 28, 28}, 128, lenet5, {Rule::sgd, 0.1}},
          {"cifar mlp 3072-256-10 b128", {3072}, 128, cifar_mlp, sgd},
          {"autoenc 784-256-64-256-784 b128", {784}, 128, autoencoder, {Rule::sgd, 1, Loss::reconstruction}},
          {"small ops 16x16", {16}, 16, {chain(16, 2000)}, {Rule::sgd, 0, Loss::mean}}};
}

// Rows that differ in one number.
struct Curve {
  std::string name;
  std::vector<std::int64_t> points;
  std::function<Row(std::int64_t)> row;
};

std::vector<Curve> make_curves() {
  using namespace ravel::nn;
  const auto of_batch = [](std::int64_t batch) {
    const Layers layers{linear(256), tanh(), linear(128), tanh(), linear(10)};
    return Row{fmt::format("mlp 784-256-128-10, batch {}", batch), {784}, batch, layers, sgd};
  };
  const auto of_depth = [](std::int64_t depth) {
    Layers layers;
    for (std::int64_t i = 0; i < depth; ++i) layers.insert(layers.end(), {linear(16), tanh()});
    return Row{fmt::format("mlp 16-wide, {} layers, batch 16", depth), {16}, 16, layers, {Rule::sgd, 0.01, Loss::mean}};
  };
  const auto of_nodes = [](std::int64_t nodes) {
    return Row{
        fmt::format("chain of {} operations on 4x4", nodes), {4}, 4, {chain(4, nodes)}, {Rule::sgd, 0, Loss::mean}};
  };
  return {{"batch", {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}, of_batch},
          {"depth", {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}, of_depth},
          {"graph size", {10, 30, 100, 300, 1000, 3000, 10'000, 30'000, 100'000, 300'000, 1'000'000}, of_nodes}};
}

Row find_row(const std::string& name, double dropout_scale) {
  for (const Row& row : make_rows(dropout_scale)) {
    if (row.name == name) return row;
  }
  for (const Curve& curve : make_curves()) {
    for (const std::int64_t x : curve.points) {
      if (curve.row(x).name == name) return curve.row(x);
    }
  }
  fail("there is no row \"{}\"", name);
}

std::unique_ptr<optim::OptimizerBase> make_optimizer(const Recipe& recipe,
                                                     const std::vector<nn::Parameter>& parameters) {
  if (recipe.rule == Rule::adam) return std::make_unique<optim::Adam>(parameters, optim::AdamRule{.lr = recipe.lr});
  return std::make_unique<optim::Sgd>(parameters, optim::SgdRule{.lr = recipe.lr, .momentum = momentum});
}

// A net of a row with its optimizer and its one batch: random and fixed.
class Training {
 public:
  explicit Training(const Row& row)
      : row_(row), net_(scope_, row.input, row.layers), optimizer_(make_optimizer(row.recipe, scope_.parameters())) {
    Shape shape = row.input;
    shape.insert(0, row.batch);
    const Loss loss = row.recipe.loss;
    const Tensor noise = rand(shape, f32, random_key(0, "input"));
    input_ = loss == Loss::classes ? 2.0 * noise - 1.0 : loss == Loss::mean ? zeros(shape) : noise;
    target_ = loss == Loss::classes ? randint(0, 10, row.batch, random_key(0, "target")) : input_;
  }

  // Replaces the parameters and the batch.
  void load(nn::Snapshot tensors) {
    input_ = tensors.extract("input").mapped();
    target_ = tensors.extract("target").mapped();
    scope_.load(tensors);
  }

  Tensor step() {
    const RandomStep random(0, steps_++);
    optimizer_->zero_grad();
    const Tensor loss = loss_of(net_(input_));
    loss.backward();
    optimizer_->step();
    return loss;
  }

  // Milliseconds per step.
  double measure(int steps) {
    for (int i = 0; i < warm_up_steps; ++i) step();
    Tensor loss;
    const train::Stopwatch watch;
    for (int i = 0; i < steps; ++i) loss = step();
    const double seconds = watch.seconds();
    require(std::isfinite(loss.item()), "{}: the loss became {}", row_.name, loss.item());
    return 1000 * seconds / steps;
  }

  // Trains with batches of changing size, up to the whole one.
  void vary(int steps) {
    const Tensor input = input_, target = target_;
    for (int i = 0; i < steps; ++i) {
      const std::int64_t size = 1 + i * 37 % row_.batch;
      input_ = narrow(input, 0, 0, size);
      target_ = narrow(target, 0, 0, size);
      step();
    }
    input_ = input;
    target_ = target;
  }

  // See the head of this file.
  std::vector<double> check() {
    std::int64_t count = 0;
    double squares = 0;
    std::vector<double> losses;
    for (int i = 0; i <= checked_steps; ++i) losses.push_back(step().item());
    for (const nn::Parameter& parameter : scope_.parameters()) {
      count += parameter.tensor().numel();
      for (const float g : parameter.grad().to_vector<float>()) squares += static_cast<double>(g) * g;
    }
    std::vector<double> figures{static_cast<double>(count)};
    figures.insert(figures.end(), losses.begin(), losses.end());
    figures.push_back(std::sqrt(squares));
    return figures;
  }

 private:
  Tensor loss_of(const Tensor& y) const {
    switch (row_.recipe.loss) {
      case Loss::classes: return cross_entropy(y, target_);
      case Loss::reconstruction: return binary_cross_entropy(y, target_);
      default: return mean(y);
    }
  }

  Row row_;
  nn::Scope scope_;
  nn::Sequential net_;
  std::unique_ptr<optim::OptimizerBase> optimizer_;
  Tensor input_, target_;
  std::uint64_t steps_ = 0;
};

// Obeys the commands that the head of this file describes.
class Server {
 public:
  std::string answer(const bench::Command& command) {
    if (command.name == "about") return bench::about();
    if (command.name == "list") return list();
    if (command.name == "curves") return list_of_curves();
    if (command.name == "peak") return fmt::format("{:.1f}", bench::peak_gflops(threads()));
    if (command.name == "handover") return fmt::format("{:.1f}", bench::handover_ns(threads()));
    if (command.name == "check") return check(command.subject, command.argument);
    require(command.name == "measure" || command.name == "vary", "there is no command \"{}\"", command.line);
    Training& training = training_of(command.subject);
    const int steps = std::stoi(command.argument);
    if (command.name == "measure") return fmt::format("{:.6f}", training.measure(steps));
    training.vary(steps);
    return "ok";
  }

 private:
  static std::string list() {
    nlohmann::json names;
    for (const Row& row : make_rows(1)) names.push_back(row.name);
    return names.dump();
  }

  static std::string list_of_curves() {
    nlohmann::json curves;
    for (const Curve& curve : make_curves()) {
      for (const std::int64_t x : curve.points) curves[curve.name].push_back({x, curve.row(x).name});
    }
    return curves.dump();
  }

  Training& training_of(const std::string& name) {
    if (name != trained_) {
      training_.reset();  // frees the memory of the last net before the next one is built
      training_.emplace(find_row(name, 1));
      trained_ = name;
    }
    return *training_;
  }

  static std::string check(const std::string& name, const std::string& file) {
    Training training(find_row(name, 0));
    training.load(bench::read_tensors(file));
    return fmt::format("{:.9g}", fmt::join(training.check(), " "));
  }

  std::string trained_;
  std::optional<Training> training_;
};

}  // namespace

int main(int argc, char** argv) {
  Server server;
  return bench::serve("nets", "Ravel's side of bench/compare.py; reads commands from its standard input.", argc, argv,
                      [&](const bench::Command& command) { return server.answer(command); });
}
