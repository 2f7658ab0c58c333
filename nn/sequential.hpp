// Models in a few lines: layers one after the other, sizes inferred.
#pragma once

#include <functional>
#include <vector>

#include "ravel/nn/conv.hpp"
#include "ravel/nn/linear.hpp"
#include "ravel/nn/scope.hpp"
#include "ravel/ops/pooling.hpp"

namespace ravel::nn {

// Any callable from a tensor to a tensor: a layer, a module of one's own, a function.
using Layer = std::function<Tensor(Tensor)>;
// Makes a layer in its scope for inputs of the given shape, which has no batch dimension.
using LayerMaker = std::function<Layer(const Scope&, const Shape& input)>;

// The layers that `makers` make, in the scopes "0", "1", ..., applied in turn; a convolution or linear() and relu()
// after it take one pass over memory, see conv2d_relu. Each is made for the shape that those before it produce from an
// input of shape (1, input...), as in
//   Sequential net(scope, {1, 28, 28}, {nn::flatten(), nn::linear(256), nn::tanh(), nn::linear(10)});
class Sequential {
 public:
  Sequential(const Scope& scope, const Shape& input, const std::vector<LayerMaker>& makers);
  Tensor operator()(const Tensor& x) const;
  // The shape of the result for one input, without the batch dimension.
  const Shape& output() const { return output_; }

 private:
  Scope scope_;
  std::vector<Layer> layers_;
  Shape output_;
};

// Layers for Sequential; sizes that follow from the input are left out.
LayerMaker linear(std::int64_t out, const LinearOptions& options = {});
LayerMaker conv1d(std::int64_t out, std::int64_t kernel, const Conv1dOptions& options = {},
                  const ConvParameters& parameters = {});
LayerMaker conv2d(std::int64_t out, Pair kernel, const Conv2dOptions& options = {},
                  const ConvParameters& parameters = {});
LayerMaker max_pool1d(std::int64_t kernel, const MaxPool1dOptions& options = {});
LayerMaker max_pool2d(Pair kernel, const MaxPool2dOptions& options = {});
LayerMaker avg_pool1d(std::int64_t kernel, const AvgPool1dOptions& options = {});
LayerMaker avg_pool2d(Pair kernel, const AvgPool2dOptions& options = {});
LayerMaker flatten();
LayerMaker dropout(double p = 0.5);
LayerMaker relu();
LayerMaker leaky_relu(double slope = 0.01);
LayerMaker tanh();
LayerMaker sigmoid();
LayerMaker gelu();
LayerMaker softplus();
// Any function of a tensor as a layer.
LayerMaker function(const Layer& function);

}  // namespace ravel::nn
