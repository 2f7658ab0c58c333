// Trains each model for a few steps of Adam and prints hashes of its parameters and of the losses.
#include <cstdio>
#include <exception>
#include <string>

#include "../../examples/image_models.hpp"
#include "ravel/autograd/hash.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

// LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition; 1998.
nn::Sequential lenet5(const nn::Scope& scope, const Shape& image, std::int64_t classes) {
  return {scope,
          image,
          {nn::conv2d(6, 5, {.padding = 2}), nn::tanh(), nn::avg_pool2d(2), nn::conv2d(16, 5), nn::tanh(),
           nn::avg_pool2d(2), nn::flatten(), nn::linear(120), nn::tanh(), nn::dropout(0.3), nn::linear(84), nn::tanh(),
           nn::linear(classes)}};
}

void train(const std::string& name, const Shape& image, Dtype dtype) {
  constexpr std::int64_t batch_size = 9, classes = 10;
  const nn::Scope scope(3, dtype);
  const nn::Sequential net =
      name == "lenet5" ? lenet5(scope, image, classes) : examples::make_image_model(name, scope, image, classes);
  optim::Adam optimizer(scope.parameters());
  Hash losses;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const RandomStep random(3, step);
    const Tensor x = randn({batch_size, image[0], image[1], image[2]}, dtype, random_key(3, "images", step));
    const Tensor labels = randint(0, classes, batch_size, random_key(3, "labels", step));
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(net(x), labels);
    loss.backward();
    optimizer.step();
    losses.add(hash_of(loss));
  }
  std::printf("%s/%lld/%s parameters %016llx losses %016llx\n", name.c_str(), static_cast<long long>(image[0]),
              name_of(dtype), static_cast<unsigned long long>(nn::hash_of(scope)),
              static_cast<unsigned long long>(losses.value()));
}

}  // namespace

int main() {
  try {
    for (const Dtype dtype : {f32, f64}) {
      for (const char* const name : {"mlp", "conv1d", "conv2d", "lenet5"}) train(name, {1, 16, 16}, dtype);
      train("conv2d", {3, 16, 16}, dtype);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
