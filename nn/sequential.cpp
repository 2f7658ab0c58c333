#include "ravel/nn/sequential.hpp"

#include "ravel/autograd/create.hpp"
#include "ravel/nn/dropout.hpp"
#include "ravel/ops/activation.hpp"
#include "ravel/ops/matmul.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel::nn {
namespace {

Shape with_batch(const Shape& shape) {
  Shape batched = shape;
  batched.insert(0, 1);
  return batched;
}

// The size of the channels, (C, L...): what convolutions need to know of their input.
std::int64_t channels_of(const char* layer, const Shape& input, int rank) {
  require(input.rank() == rank, "{}: needs inputs of {} dimensions besides the batch, gets {}", layer, rank, input);
  return input[0];
}

bool is_relu(const Layer& layer) {
  const auto* const function = layer.target<Tensor (*)(Tensor)>();
  return function != nullptr && *function == ravel::relu;
}

// The layer and relu in one, or nothing if that cannot be.
Layer with_relu(const Layer& layer) {
  if (const auto* const linear = layer.target<Linear>()) {
    return [linear = *linear](const Tensor& x) {
      const auto in = linear.scope.enter();
      return linear_relu(x, linear.weight, linear.bias.or_none());
    };
  }
  if (const auto* const conv = layer.target<Conv1d>()) {
    return [conv = *conv](const Tensor& x) {
      const auto in = conv.scope.enter();
      return conv1d_relu(x, conv.weight, conv.bias.or_none(), conv.options);
    };
  }
  if (const auto* const conv = layer.target<Conv2d>()) {
    return [conv = *conv](const Tensor& x) {
      const auto in = conv.scope.enter();
      return conv2d_relu(x, conv.weight, conv.bias.or_none(), conv.options);
    };
  }
  return {};
}

}  // namespace

Sequential::Sequential(const Scope& scope, const Shape& input, const std::vector<LayerMaker>& makers)
    : scope_(scope), output_(input) {
  const NoGrad no_grad;
  const ModeGuard<bool> unchecked(modes.anomaly, false);  // the zeros that pass through here mean nothing
  const RandomStep step(0);  // what dropout draws here must not move the random numbers of training
  for (std::size_t i = 0; i < makers.size(); ++i) {
    const Scope part = scope / static_cast<std::int64_t>(i);
    const auto in = part.enter();
    Layer layer = makers[i](part, output_);
    if (Layer both = !layers_.empty() && is_relu(layer) ? with_relu(layers_.back()) : Layer()) {
      layers_.back() = std::move(both);
      continue;  // relu keeps the shape
    }
    layers_.push_back(std::move(layer));
    output_ = layers_.back()(zeros(with_batch(output_), scope.dtype())).shape();
    output_.erase(0);
  }
}

Tensor Sequential::operator()(const Tensor& x) const {
  const auto in = scope_.enter();
  Tensor y = x;
  for (const Layer& layer : layers_) y = layer(std::move(y));
  return y;
}

LayerMaker linear(std::int64_t out, const LinearOptions& options) {
  return [=](const Scope& scope, const Shape& input) {
    require(input.rank() >= 1, "linear: needs inputs of at least one dimension besides the batch");
    return Linear(scope, input.back(), out, options);
  };
}

LayerMaker conv1d(std::int64_t out, std::int64_t kernel, const Conv1dOptions& options,
                  const ConvParameters& parameters) {
  return [=](const Scope& scope, const Shape& input) {
    return Conv1d(scope, channels_of("conv1d", input, 2), out, kernel, options, parameters);
  };
}

LayerMaker conv2d(std::int64_t out, Pair kernel, const Conv2dOptions& options, const ConvParameters& parameters) {
  return [=](const Scope& scope, const Shape& input) {
    return Conv2d(scope, channels_of("conv2d", input, 3), out, kernel, options, parameters);
  };
}

LayerMaker dropout(double p) {
  return [=](const Scope& scope, const Shape&) { return Dropout(scope, p); };
}

LayerMaker function(const Layer& function) {
  return [=](const Scope&, const Shape&) { return function; };
}

LayerMaker max_pool1d(std::int64_t kernel, const MaxPool1dOptions& options) {
  return function([=](const Tensor& x) { return ravel::max_pool1d(x, kernel, options); });
}
LayerMaker max_pool2d(Pair kernel, const MaxPool2dOptions& options) {
  return function([=](const Tensor& x) { return ravel::max_pool2d(x, kernel, options); });
}
LayerMaker avg_pool1d(std::int64_t kernel, const AvgPool1dOptions& options) {
  return function([=](const Tensor& x) { return ravel::avg_pool1d(x, kernel, options); });
}
LayerMaker avg_pool2d(Pair kernel, const AvgPool2dOptions& options) {
  return function([=](const Tensor& x) { return ravel::avg_pool2d(x, kernel, options); });
}
LayerMaker flatten() {
  return function([](const Tensor& x) { return ravel::flatten(x, 1); });
}
LayerMaker relu() { return function(ravel::relu); }
LayerMaker leaky_relu(double slope) {
  return function([=](const Tensor& x) { return ravel::leaky_relu(x, slope); });
}
LayerMaker tanh() { return function(ravel::tanh); }
LayerMaker sigmoid() { return function(ravel::sigmoid); }
LayerMaker gelu() {
  return function([](const Tensor& x) { return ravel::gelu(x); });
}
LayerMaker softplus() {
  return function([](const Tensor& x) { return ravel::softplus(x); });
}

}  // namespace ravel::nn
