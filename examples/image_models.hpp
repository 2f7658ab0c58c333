// The nets that train_images knows, by name.
#pragma once

#include <string>

#include "ravel/nn/sequential.hpp"
#include "ravel/ops/shape.hpp"

namespace examples {

namespace nn = ravel::nn;

// pixels - 256 tanh - 128 tanh - classes.
inline nn::Sequential mlp(const nn::Scope& scope, const ravel::Shape& image, std::int64_t classes) {
  return {scope, image, {nn::flatten(), nn::linear(256), nn::tanh(), nn::linear(128), nn::tanh(), nn::linear(classes)}};
}

// The pixels of each channel in a row: conv 32 x 3 and ReLU, max pool 2, 100 tanh, classes.
inline nn::Sequential conv1d(const nn::Scope& scope, const ravel::Shape& image, std::int64_t classes) {
  const auto rows = nn::function([](const ravel::Tensor& x) { return ravel::flatten(x, 2); });
  return {scope,
          image,
          {rows, nn::conv1d(32, 3), nn::relu(), nn::max_pool1d(2), nn::flatten(), nn::linear(100), nn::tanh(),
           nn::linear(classes)}};
}

// For one channel: conv 32 x 3x3, conv 64 x 3x3, max pool 2, 128, classes, with ReLU and dropout.
inline nn::Sequential conv2d_grey(const nn::Scope& scope, const ravel::Shape& image, std::int64_t classes) {
  return {scope,
          image,
          {nn::conv2d(32, 3), nn::relu(), nn::conv2d(64, 3), nn::relu(), nn::max_pool2d(2), nn::dropout(0.25),
           nn::flatten(), nn::linear(128), nn::relu(), nn::dropout(0.5), nn::linear(classes)}};
}

// For colours: two blocks of two 3x3 convolutions (32 channels, then 64) and a max pool, 256, classes, with ReLU and
// dropout.
inline nn::Sequential conv2d_colour(const nn::Scope& scope, const ravel::Shape& image, std::int64_t classes) {
  const auto conv = [](std::int64_t channels) { return nn::conv2d(channels, 3, {.padding = 1}); };
  return {scope,
          image,
          {conv(32), nn::relu(), conv(32), nn::relu(), nn::max_pool2d(2), nn::dropout(0.1),  //
           conv(64), nn::relu(), conv(64), nn::relu(), nn::max_pool2d(2), nn::dropout(0.1),  //
           nn::flatten(), nn::linear(256), nn::relu(), nn::dropout(0.5), nn::linear(classes)}};
}

// The net called `name` for images of shape (C, H, W); `name` is mlp, conv1d or conv2d.
inline nn::Sequential make_image_model(const std::string& name, const nn::Scope& scope, const ravel::Shape& image,
                                       std::int64_t classes) {
  if (name == "mlp") return mlp(scope, image, classes);
  if (name == "conv1d") return conv1d(scope, image, classes);
  ravel::require(name == "conv2d", "there is no model \"{}\"; there are mlp, conv1d and conv2d", name);
  return image[0] == 1 ? conv2d_grey(scope, image, classes) : conv2d_colour(scope, image, classes);
}

}  // namespace examples
