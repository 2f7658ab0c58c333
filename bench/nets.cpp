// The Ravel side of compare.py: the nets of torch_nets.py, and the same commands. It reads them from its standard
// input, a line each, and answers each with a line:
//   about                 version and instruction set
//   list                  the names of the rows, in JSON
//   measure ROW STEPS     milliseconds per step, over STEPS steps that follow some to warm up
//   check ROW FILE        trains a net without dropout from the input, target and parameters in FILE for three steps
//   and
//                         answers with the number of its parameters, the loss before, between and after the steps, and
//                         the 2-norm of the last gradients
// Alone it serves a profiler well: echo "measure lenet5 b128 100" | nets --threads 1
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "ravel/nn/sequential.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/kernels/isa.hpp"
#include "ravel/ops/loss.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/optim/sgd.hpp"
#include "ravel/train/program.hpp"
#include "ravel/train/progress.hpp"
#include "ravel/version.hpp"

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

// 2,000 operations on 16x16 tensors: what an operation costs beside its arithmetic. The parameter is so small that no
// gradient vanishes on its way through a thousand tanh.
nn::LayerMaker small_ops() {
  return [](const nn::Scope& scope, const Shape&) -> nn::Layer {
    const nn::Parameter x = scope.parameter("x", {16, 16}, nn::uniform(0, 1e-4));
    return [x](const Tensor& start) {
      Tensor y = start;
      for (int i = 0; i < 1000; ++i) y = tanh(y + x);
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
          {"small ops 16x16", {16}, 16, {small_ops()}, {Rule::sgd, 0, Loss::mean}}};
}

Row find_row(const std::string& name, double dropout_scale) {
  for (const Row& row : make_rows(dropout_scale)) {
    if (row.name == name) return row;
  }
  fail("there is no row \"{}\"", name);
}

std::unique_ptr<optim::OptimizerBase> make_optimizer(const Recipe& recipe,
                                                     const std::vector<nn::Parameter>& parameters) {
  if (recipe.rule == Rule::adam) return std::make_unique<optim::Adam>(parameters, optim::AdamRule{.lr = recipe.lr});
  return std::make_unique<optim::Sgd>(parameters, optim::SgdRule{.lr = recipe.lr, .momentum = momentum});
}

// One tensor of a file of tensors: a line "name type size..." was read, its elements follow.
template <class T>
Tensor read_elements(std::istream& stream, const Shape& shape, const std::string& file) {
  std::vector<T> values(static_cast<std::size_t>(shape.numel()));
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(T));
  require(stream.read(reinterpret_cast<char*>(values.data()), bytes).good(), "{}: it ends too early", file);
  return from_vector(values, shape);
}

nn::Snapshot read_tensors(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  require(stream.good(), "{}: cannot open it", file);
  nn::Snapshot tensors;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string name, type;
    words >> name >> type;
    Shape shape;
    for (std::int64_t size = 0; words >> size;) shape.push_back(size);
    require(type == "f32" || type == "i64", "{}: \"{}\" is no line \"name type size...\"", file, line);
    tensors[name] =
        type == "f32" ? read_elements<float>(stream, shape, file) : read_elements<std::int64_t>(stream, shape, file);
  }
  return tensors;
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
  std::string answer(const std::string& line) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    const std::string command = line.substr(0, first);
    if (command == "about") return fmt::format("Ravel {}, {}", version(), name_of(isa()));
    if (command == "list") return list();
    require((command == "measure" || command == "check") && first != last, "there is no command \"{}\"", line);
    const std::string name = line.substr(first + 1, last - first - 1), argument = line.substr(last + 1);
    return command == "measure" ? fmt::format("{:.6f}", measure(name, std::stoi(argument))) : check(name, argument);
  }

 private:
  static std::string list() {
    nlohmann::json names;
    for (const Row& row : make_rows(1)) names.push_back(row.name);
    return names.dump();
  }

  double measure(const std::string& name, int steps) {
    if (name != measured_) {
      training_.reset();  // frees the memory of the last net before the next one is built
      training_.emplace(find_row(name, 1));
      measured_ = name;
    }
    return training_->measure(steps);
  }

  static std::string check(const std::string& name, const std::string& file) {
    Training training(find_row(name, 0));
    training.load(read_tensors(file));
    return fmt::format("{:.9g}", fmt::join(training.check(), " "));
  }

  std::string measured_;
  std::optional<Training> training_;
};

}  // namespace

int main(int argc, char** argv) {
  return train::run_program("nets", [&] {
    CLI::App app("Ravel's side of bench/compare.py; reads commands from its standard input.", "nets");
    int threads = 1;
    app.add_option("--threads", threads, "Threads of the kernels")->check(CLI::Range(1, 256))->capture_default_str();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : train::exit_usage;
    }
    set_threads(threads);
    Server server;
    for (std::string line; std::getline(std::cin, line);) {
      fmt::print("{}\n", server.answer(line));
      std::fflush(stdout);
    }
    return 0;
  });
}
