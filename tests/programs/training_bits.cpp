// Trains each model for a few steps of Adam and of SGD and prints hashes of its parameters and of the losses.
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../examples/image_models.hpp"
#include "ravel/autograd/hash.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

constexpr std::int64_t classes = 10;

struct Model {
  const char* name;
  Shape sample;
  std::int64_t batch_size;
  std::function<nn::Sequential(const nn::Scope&, const Shape& sample)> make;
  bool reconstructs = false;  // its input; the others tell classes apart
};

// One of train_images.
Model image_model(const char* name, const Shape& image) {
  return {name, image, 9, [name](const nn::Scope& scope, const Shape& sample) {
            return examples::make_image_model(name, scope, sample, classes);
          }};
}

// LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition; 1998.
nn::Sequential lenet5(const nn::Scope& scope, const Shape& image) {
  return {scope,
          image,
          {nn::conv2d(6, 5, {.padding = 2}), nn::tanh(), nn::avg_pool2d(2), nn::conv2d(16, 5), nn::tanh(),
           nn::avg_pool2d(2), nn::flatten(), nn::linear(120), nn::tanh(), nn::dropout(0.3), nn::linear(84), nn::tanh(),
           nn::linear(classes)}};
}

nn::Sequential deep_conv1d(const nn::Scope& scope, const Shape& signal) {
  return {scope,
          signal,
          {nn::conv1d(16, 5, {.padding = 2}), nn::relu(), nn::conv1d(16, 5, {.padding = 2}), nn::relu(),
           nn::conv1d(32, 5, {.stride = 2}), nn::relu(), nn::flatten(), nn::linear(classes)}};
}

nn::Sequential small_mlp(const nn::Scope& scope, const Shape& sample) {
  return {scope, sample, {nn::linear(64), nn::sigmoid(), nn::linear(classes)}};
}

nn::Sequential autoencoder(const nn::Scope& scope, const Shape& sample) {
  return {scope,
          sample,
          {nn::linear(64), nn::tanh(), nn::linear(16), nn::tanh(), nn::linear(64), nn::softplus(),
           nn::linear(sample[0]), nn::sigmoid()}};
}

Tensor loss_of(const Model& model, const nn::Sequential& net, Dtype dtype, std::uint64_t step) {
  Shape shape = {model.batch_size};
  for (const std::int64_t size : model.sample) shape.push_back(size);
  const Tensor x = randn(shape, dtype, random_key(3, "samples", step));
  if (model.reconstructs) {
    const Tensor grey = sigmoid(x);
    return binary_cross_entropy(net(grey), grey);
  }
  return cross_entropy(net(x), randint(0, classes, model.batch_size, random_key(3, "labels", step)));
}

enum class Rule { adam, sgd };

void train(const Model& model, Rule rule, Dtype dtype) {
  const nn::Scope scope(3, dtype);
  const nn::Sequential net = model.make(scope, model.sample);
  std::unique_ptr<optim::OptimizerBase> optimizer;
  if (rule == Rule::adam) {
    optimizer = std::make_unique<optim::Adam>(scope.parameters());
  } else {
    optimizer = std::make_unique<optim::Sgd>(scope.parameters(), optim::SgdRule{.lr = 0.01, .momentum = 0.9});
  }
  Hash losses;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const RandomStep random(3, step);
    optimizer->zero_grad();
    const Tensor loss = loss_of(model, net, dtype, step);
    loss.backward();
    optimizer->step();
    losses.add(hash_of(loss));
  }
  std::printf("%s/%lld/%s/%s parameters %016llx losses %016llx\n", model.name, static_cast<long long>(model.sample[0]),
              rule == Rule::adam ? "adam" : "sgd", name_of(dtype), static_cast<unsigned long long>(nn::hash_of(scope)),
              static_cast<unsigned long long>(losses.value()));
}

}  // namespace

int main() {
  try {
    const std::vector<Model> models = {
        image_model("mlp", {1, 16, 16}),     image_model("conv1d", {1, 16, 16}),
        image_model("conv2d", {1, 16, 16}),  image_model("conv2d", {3, 16, 16}),
        {"lenet5", {1, 16, 16}, 9, lenet5},  {"deep_conv1d", {16, 140}, 9, deep_conv1d},
        {"one_sample", {256}, 1, small_mlp}, {"autoencoder", {256}, 40, autoencoder, true},
    };
    for (const Model& model : models) {
      for (const Dtype dtype : {f32, f64}) {
        for (const Rule rule : {Rule::adam, Rule::sgd}) train(model, rule, dtype);
      }
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
