// Ravel's side of kernels.py: the single kernels of torch_kernels.py, and the same commands. It reads them from its
// standard input, a line each, and answers each with a line:
//   about                 version and instruction set
//   list                  the names of the rows, in JSON
//   work ROW              floating-point operations of a call in billions, 0 where they do not count; and the peak, in
//                         billions per second, of as many threads
//   measure ROW CALLS     milliseconds per call, over so many calls that follow some to warm up
//   check ROW FILE        calculates with the inputs in FILE and answers with the number of elements of the result y,
//                         its 2-norm, and the sum of w (y - 1)^2 with weights w that tell places apart
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "peak/peak.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/comparison.hpp"
#include "ravel/ops/conv.hpp"
#include "ravel/ops/dropout.hpp"
#include "ravel/ops/indexing.hpp"
#include "ravel/ops/loss.hpp"
#include "ravel/ops/matmul.hpp"
#include "ravel/ops/pointwise.hpp"
#include "ravel/ops/pooling.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"
#include "ravel/ops/slicing.hpp"
#include "ravel/ops/softmax.hpp"
#include "ravel/optim/adam.hpp"
#include "ravel/optim/sgd.hpp"
#include "ravel/train/progress.hpp"
#include "side.hpp"

namespace {

using namespace ravel;

constexpr int warm_up_calls = 3, checked_calls = 3;

// Random numbers in [-1, 1), or integers in [0, indices).
struct Input {
  Input(const Shape& shape) : shape(shape) {}
  Shape shape;
  std::int64_t indices = 0;
};

Input indices_below(std::int64_t end, const Shape& shape) {
  Input input(shape);
  input.indices = end;
  return input;
}

using Values = std::vector<Tensor>;
using Call = std::function<Tensor()>;

struct Row {
  std::string name;
  std::vector<Input> inputs;
  std::function<Call(const Values&)> prepare;
  double flops = 0;
};

using Rows = std::vector<Row>;

// A function of the inputs, outside of the graph.
template <class F>
Row plain(const std::string& name, const std::vector<Input>& inputs, const F& f, double flops = 0) {
  const auto prepare = [f](const Values& v) -> Call {
    return [f, v] {
      const NoGrad no_grad;
      return f(v);
    };
  };
  return {name, inputs, prepare, flops};
}

// The gradient, with respect to the first input, of a function of the inputs without the last; the last one is the
// gradient to start from, or there is a loss and none is needed.
template <class F>
Row gradient(const std::string& name, const std::vector<Input>& inputs, bool seeded, const F& f) {
  const auto prepare = [f, seeded](Values v) -> Call {
    v[0].requires_grad_();
    return [=] { return seeded ? grad({f(v)}, {v.back()}, {v[0]})[0] : grad(f(v), {v[0]})[0]; };
  };
  return {name, inputs, prepare};
}

// An optimizer's step on one parameter, the first input; its gradient is the second.
template <class Optimizer, class Rule>
Row update(const std::string& name, const Shape& shape, const Rule& rule) {
  const auto prepare = [rule](const Values& v) -> Call {
    const nn::Scope scope;
    const nn::Parameter parameter =
        scope.parameter("p", v[0].shape(), [&](const Shape&, Dtype, const RandomKey&) { return v[0]; });
    parameter.tensor().set_grad(v[1]);
    const auto optimizer = std::make_shared<Optimizer>(scope.parameters(), rule);
    return [parameter, optimizer] {
      optimizer->step();
      return parameter.tensor();
    };
  };
  return {name, {shape, shape}, prepare};
}

// C (rows, columns) = A (rows, depth) B (depth, columns); n and t say of A and of B whether they are transposed.
void add_products(Rows& rows) {
  const auto product = [&](const std::string& mode, std::int64_t m, std::int64_t k, std::int64_t n) {
    const bool left = mode[0] == 't', right = mode[1] == 't';
    const auto f = [=](const Values& v) { return matmul(left ? t(v[0]) : v[0], right ? t(v[1]) : v[1]); };
    rows.push_back(plain(fmt::format("gemm {} {}x{}x{}", mode, m, k, n),
                         {left ? Shape{k, m} : Shape{m, k}, right ? Shape{n, k} : Shape{k, n}}, f,
                         2e-9 * static_cast<double>(m * k * n)));
  };
  for (const std::int64_t size : {128, 512, 1024, 2048}) product("nn", size, size, size);
  product("nt", 128, 784, 256);
  product("nt", 128, 12512, 100);
  product("tn", 12512, 128, 100);
  product("nt", 2048, 128, 512);
  product("nt", 64, 9216, 128);
}

enum Passes { output = 1, input_gradient = 2, weight_gradient = 4 };

void add_convolution(Rows& rows, const std::string& layer, const Shape& x, const Shape& w, const Conv2dOptions& options,
                     int passes = output) {
  Shape y{x[0], w[0], 0, 0};
  for (int i = 0; i < 2; ++i) {
    y[2 + i] = (x[2 + i] + 2 * options.padding.values[i] - w[2 + i]) / options.stride.values[i] + 1;
  }
  const double flops = 2e-9 * static_cast<double>(y.numel()) * static_cast<double>(w.numel() / w[0]);
  const auto out = [=](const Values& v) { return conv2d(v[0], v[1], {}, options); };
  const auto dx = [=](const Values& v) { return conv2d_input_gradient(v[0], v[1], x, options); };
  const auto dw = [=](const Values& v) { return conv2d_weight_gradient(v[0], v[1], w, options); };
  if (passes & output) rows.push_back(plain("conv " + layer, {x, w}, out, flops));
  if (passes & input_gradient) rows.push_back(plain("conv " + layer + " dx", {y, w}, dx, flops));
  if (passes & weight_gradient) rows.push_back(plain("conv " + layer + " dw", {x, y}, dw, flops));
}

void add_convolutions(Rows& rows) {
  const Conv2dOptions same{.padding = 1};
  add_convolution(rows, "64->64 32x32 b32", {32, 64, 32, 32}, {64, 64, 3, 3}, same,
                  output | input_gradient | weight_gradient);
  add_convolution(rows, "32->32 32x32 b128", {128, 32, 32, 32}, {32, 32, 3, 3}, same);
  add_convolution(rows, "32->64 16x16 b128", {128, 32, 16, 16}, {64, 32, 3, 3}, same);
  add_convolution(rows, "64->64 16x16 b128", {128, 64, 16, 16}, {64, 64, 3, 3}, same);
  add_convolution(rows, "32->64 26x26 valid b64", {64, 32, 26, 26}, {64, 32, 3, 3}, {});
  add_convolution(rows, "16->16 32x32 b64", {64, 16, 32, 32}, {16, 16, 3, 3}, same);
  add_convolution(rows, "64->64 8x8 b64", {64, 64, 8, 8}, {64, 64, 3, 3}, same);
  add_convolution(rows, "3->32 32x32 b128", {128, 3, 32, 32}, {32, 3, 3, 3}, same, output | input_gradient);
  add_convolution(rows, "12->12 16x16 b128", {128, 12, 16, 16}, {12, 12, 3, 3}, same, weight_gradient);
  add_convolution(rows, "1->32 28x28 valid b64", {64, 1, 28, 28}, {32, 1, 3, 3}, {});
  add_convolution(rows, "64->128 32x32 s2 b32", {32, 64, 32, 32}, {128, 64, 3, 3}, {.stride = 2, .padding = 1},
                  output | input_gradient);
  add_convolution(rows, "1x1 64->64 32x32 b32", {32, 64, 32, 32}, {64, 64, 1, 1}, {});
  add_convolution(rows, "1x1 2048->512 7x7 b32", {32, 2048, 7, 7}, {512, 2048, 1, 1}, {});
  add_convolution(rows, "depthwise 64 32x32 b32", {32, 64, 32, 32}, {64, 1, 3, 3}, {.padding = 1, .groups = 64});
  const auto conv = [&](const std::string& layer, const Shape& x, const Shape& w, const Conv1dOptions& options) {
    const std::int64_t length = x[2] + 2 * options.padding - w[2] + 1;
    rows.push_back(plain(
        "conv1d " + layer, {x, w}, [=](const Values& v) { return conv1d(v[0], v[1], {}, options); },
        2e-9 * static_cast<double>(x[0] * length * w.numel())));
  };
  conv("64->64 k5 L256 b64", {64, 64, 256}, {64, 64, 5}, {.padding = 2});
  conv("1->32 k3 L784 valid b128", {128, 1, 784}, {32, 1, 3}, {});
}

void add_maps(Rows& rows) {
  const std::pair<const char*, Shape> sizes[]{{"100k", 100'000}, {"10M", 10'000'000}};
  for (const auto& [size, shape] : sizes) {
    const auto of = [size = size](const char* op) { return fmt::format("{} {}", op, size); };
    rows.push_back(plain(of("add"), {shape, shape}, [](const Values& v) { return v[0] + v[1]; }));
    rows.push_back(plain(of("mul"), {shape, shape}, [](const Values& v) { return v[0] * v[1]; }));
    rows.push_back(plain(of("exp"), {shape}, [](const Values& v) { return exp(v[0]); }));
    rows.push_back(plain(of("tanh"), {shape}, [](const Values& v) { return tanh(v[0]); }));
    rows.push_back(plain(of("gelu"), {shape}, [](const Values& v) { return gelu(v[0]); }));
    rows.push_back(plain(of("sigmoid"), {shape}, [](const Values& v) { return sigmoid(v[0]); }));
    rows.push_back(plain(of("relu"), {shape}, [](const Values& v) { return relu(v[0]); }));
  }
  const Shape square{1000, 1000};
  rows.push_back(plain("sin 1M", {square}, [](const Values& v) { return sin(v[0]); }));
  rows.push_back(plain("softplus 1M", {square}, [](const Values& v) { return softplus(v[0]); }));
  rows.push_back(plain("x > 0 1M", {square}, [](const Values& v) { return gt(v[0], 0); }));
  rows.push_back(plain("add row 1000x1000", {square, Shape{1000}}, [](const Values& v) { return v[0] + v[1]; }));
  rows.push_back(plain("add column 1000x1000", {square, Shape{1000, 1}}, [](const Values& v) { return v[0] + v[1]; }));
  rows.push_back(
      plain("transposed copy 2048x2048", {Shape{2048, 2048}}, [](const Values& v) { return packed(t(v[0])); }));
  rows.push_back(plain("cat 2 of 1M", {square, square}, [](const Values& v) { return cat({v[0], v[1]}); }));
  rows.push_back(
      gradient("gelu forward+backward 1M", {square, square}, true, [](const Values& v) { return gelu(v[0]); }));
}

void add_reductions(Rows& rows) {
  const auto reductions = [&](const char* over, const Shape& shape, const Dims& dims) {
    const auto of = [=](const char* op) { return fmt::format("{} {}", op, over); };
    rows.push_back(plain(of("sum"), {shape}, [=](const Values& v) { return sum(v[0], dims); }));
    rows.push_back(plain(of("mean"), {shape}, [=](const Values& v) { return mean(v[0], dims); }));
    rows.push_back(plain(of("var"), {shape}, [=](const Values& v) { return var(v[0], dims); }));
    rows.push_back(plain(of("max"), {shape}, [=](const Values& v) { return max(v[0], dims); }));
  };
  reductions("1000x1000 dim 0", {1000, 1000}, 0);
  reductions("1000x1000 dim 1", {1000, 1000}, 1);
  reductions("1000x1000 all", {1000, 1000}, {});
  reductions("1Mx10 dim 0", {1'000'000, 10}, 0);
  reductions("1Mx10 dim 1", {1'000'000, 10}, 1);
  reductions("128x1000 dim 1", {128, 1000}, 1);
  rows.push_back(plain("cumsum 1000x1000 dim 1", {Shape{1000, 1000}}, [](const Values& v) { return cumsum(v[0], 1); }));
}

void add_softmax_and_losses(Rows& rows) {
  const auto log_softmax_of = [](const Values& v) { return log_softmax(v[0], 1); };
  rows.push_back(plain("softmax 128x1000 dim 1", {Shape{128, 1000}}, [](const Values& v) { return softmax(v[0], 1); }));
  rows.push_back(plain("softmax 128x1000 dim 0", {Shape{128, 1000}}, [](const Values& v) { return softmax(v[0], 0); }));
  rows.push_back(
      plain("softmax 32x64x1024 dim 1", {Shape{32, 64, 1024}}, [](const Values& v) { return softmax(v[0], 1); }));
  rows.push_back(plain("log_softmax 128x1000 dim 1", {Shape{128, 1000}}, log_softmax_of));
  rows.push_back(
      gradient("log_softmax forward+backward 128x1000", {Shape{128, 1000}, Shape{128, 1000}}, true, log_softmax_of));
  for (const std::int64_t classes : {10, 1000}) {
    rows.push_back(gradient(fmt::format("cross_entropy forward+backward 128x{}", classes),
                            {Shape{128, classes}, indices_below(classes, 128)}, false,
                            [](const Values& v) { return cross_entropy(v[0], v[1]); }));
  }
}

void add_pooling_and_dropout(Rows& rows) {
  const Shape image{128, 32, 32, 32}, half{128, 32, 16, 16};
  const auto maximum = [](const Values& v) { return max_pool2d(v[0], 2); };
  const auto overlapping = [](const Values& v) { return max_pool2d(v[0], 3, {.stride = 2, .padding = 1}); };
  const auto average = [](const Values& v) { return avg_pool2d(v[0], 2); };
  rows.push_back(plain("max_pool 32x32x32 b128", {image}, maximum));
  rows.push_back(gradient("max_pool forward+backward 32x32x32 b128", {image, half}, true, maximum));
  rows.push_back(plain("max_pool 3x3 s2 32x32x32 b128", {image}, overlapping));
  rows.push_back(gradient("max_pool 3x3 s2 forward+backward 32x32x32 b128", {image, half}, true, overlapping));
  rows.push_back(plain("avg_pool 32x32x32 b128", {image}, average));
  rows.push_back(gradient("avg_pool forward+backward 32x32x32 b128", {image, half}, true, average));
  rows.push_back(plain("dropout 1M", {Shape{1'000'000}}, [](const Values& v) { return dropout(v[0], 0.5); }));
}

void add_updates_and_indexing(Rows& rows) {
  const Shape parameters{1'250'000};
  rows.push_back(update<optim::Adam>("adam 1.25M", parameters, optim::AdamRule{}));
  rows.push_back(update<optim::Sgd>("sgd 1.25M", parameters, optim::SgdRule{.lr = 0.01, .momentum = 0.9}));
  const Shape table{10'000, 64}, square{1000, 1000}, picked{1000, 100};
  const std::int64_t words = 4096;
  rows.push_back(plain("embedding 10000x64 of 4096", {table, indices_below(10'000, words)},
                       [](const Values& v) { return index_select(v[0], 0, v[1]); }));
  rows.push_back(plain("embedding gradient 10000x64 of 4096", {table, indices_below(10'000, words), Shape{words, 64}},
                       [](const Values& v) { return index_add(v[0], 0, v[1], v[2]); }));
  rows.push_back(plain("gather 1000x1000 dim 1", {square, indices_below(1000, picked)},
                       [](const Values& v) { return gather(v[0], 1, v[1]); }));
  rows.push_back(plain("gather 1000x1000 dim 0", {square, indices_below(1000, square)},
                       [](const Values& v) { return gather(v[0], 0, v[1]); }));
  for (const int dim : {0, 1}) {
    rows.push_back(plain(fmt::format("scatter_add 1000x1000 dim {}", dim),
                         {square, indices_below(1000, square), square},
                         [=](const Values& v) { return scatter_add(v[0], dim, v[1], v[2]); }));
  }
}

Rows make_rows() {
  Rows rows;
  add_products(rows);
  add_convolutions(rows);
  add_maps(rows);
  add_reductions(rows);
  add_softmax_and_losses(rows);
  add_pooling_and_dropout(rows);
  add_updates_and_indexing(rows);
  return rows;
}

Values random_inputs(const Row& row) {
  Values values;
  for (const Input& input : row.inputs) {
    const RandomKey key = random_key(0, std::to_string(values.size()));
    values.push_back(input.indices > 0 ? randint(0, input.indices, input.shape, key)
                                       : 2.0 * rand(input.shape, f32, key) - 1.0);
  }
  return values;
}

double measure(const Call& call, int calls) {
  for (int i = 0; i < warm_up_calls; ++i) call();
  const train::Stopwatch watch;
  for (int i = 0; i < calls; ++i) call();
  return 1000 * watch.seconds() / calls;
}

// See the head of this file.
std::string check(const Row& row, const std::string& file) {
  const nn::Snapshot tensors = bench::read_tensors(file);
  Values values;
  for (std::size_t i = 0; i < row.inputs.size(); ++i) values.push_back(tensors.at(std::to_string(i)));
  const Call call = row.prepare(values);
  Tensor y;
  for (int i = 0; i < checked_calls; ++i) y = call();
  double squares = 0, weighted = 0;
  const std::vector<float> elements = cast(y.detach(), f32).to_vector<float>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double element = elements[i];
    squares += element * element;
    weighted += static_cast<double>(i % 97 + 1) / 97 * (element - 1) * (element - 1);
  }
  return fmt::format("{} {:.9g} {:.9g}", elements.size(), std::sqrt(squares), weighted);
}

// Obeys the commands that the head of this file describes.
class Server {
 public:
  std::string answer(const bench::Command& command) {
    if (command.name == "about") return bench::about();
    if (command.name == "list") {
      nlohmann::json names;
      for (const Row& row : rows_) names.push_back(row.name);
      return names.dump();
    }
    if (command.name == "work") {
      const Row& row = find(command.line.substr(command.line.find(' ') + 1));
      return fmt::format("{} {}", row.flops, row.flops > 0 ? bench::peak_gflops(threads()) : 0);
    }
    const Row& row = find(command.subject);
    if (command.name == "check") return check(row, command.argument);
    require(command.name == "measure", "there is no command \"{}\"", command.line);
    if (measured_ != row.name) {
      call_ = nullptr;  // frees the memory of the last row before the next one is built
      call_ = row.prepare(random_inputs(row));
      measured_ = row.name;
    }
    return fmt::format("{:.6f}", measure(call_, std::stoi(command.argument)));
  }

 private:
  const Row& find(const std::string& name) const {
    for (const Row& row : rows_) {
      if (row.name == name) return row;
    }
    fail("there is no row \"{}\"", name);
  }

  Rows rows_ = make_rows();
  std::string measured_;
  Call call_;
};

}  // namespace

int main(int argc, char** argv) {
  Server server;
  return bench::serve("kernels", "Ravel's side of bench/kernels.py; reads commands from its standard input.", argc,
                      argv, [&](const bench::Command& command) { return server.answer(command); });
}
