#include "op_table.hpp"

namespace table {

using namespace ravel;

namespace {

// The gradient of `pool`, as a function of x[0] and of the gradient x[1] that comes from above: what a row needs to
// check the op behind a backward pass, and its own derivatives.
CheckedFunction gradient_of(Tensor (*pool)(const Tensor&)) {
  return [pool](const Tensors& x) {
    const EnableGrad enable;
    const Tensor image = x[0].detach().requires_grad_();
    return grad({pool(image)}, {x[1]}, {image}, {.create_graph = true});
  };
}

Tensor overlapping_max(const Tensor& x) { return max_pool2d(x, {3, 2}, {.stride = {2, 1}, .padding = 1}); }
Tensor tiled_max(const Tensor& x) { return max_pool2d(x, 2); }
Tensor overlapping_mean(const Tensor& x) { return avg_pool2d(x, {3, 2}, {.stride = {2, 1}, .padding = 1}); }
Tensor tiled_mean(const Tensor& x) { return avg_pool2d(x, 2); }

}  // namespace

std::vector<Row> pooling_rows() {
  return {
      {"max_pool1d", [](const Tensors& x) { return max_pool1d(x[0], 2); }, {apart({2, 2, 5})}},
      {"max_pool1d/stride_padding_dilation",
       [](const Tensors& x) { return max_pool1d(x[0], 3, {.stride = 3, .padding = 2, .dilation = 2}); },
       {apart({2, 7})}},
      {"max_pool2d", [](const Tensors& x) { return tiled_max(x[0]); }, {apart({2, 2, 4, 5})}},
      {"max_pool2d/overlapping", [](const Tensors& x) { return overlapping_max(x[0]); }, {apart({2, 4, 3})}},
      {"max_pool2d/dilation",
       [](const Tensors& x) {
         return max_pool2d(x[0], 2, {.stride = 1, .dilation = {1, 2}});
       },
       {apart({1, 1, 3, 5})}},
      {"max_pool2d/ceil_mode",
       [](const Tensors& x) { return max_pool2d(x[0], 2, {.ceil_mode = true}); },
       {apart({1, 2, 3, 5})}},
      {"max_pool2d/large_kernel",
       [](const Tensors& x) {
         return max_pool2d(x[0], {1, 300}, {.stride = 1, .padding = {0, 149}});
       },
       {apart({1, 1, 7})}},
      {"max_pool2d/gradient", gradient_of(overlapping_max), {constant(apart({2, 4, 3})), normal({2, 2, 4})}},
      {"max_pool2d/gradient_of_tiles", gradient_of(tiled_max), {constant(apart({2, 3, 5})), normal({2, 1, 2})}},
      {"max_pool2d_with_indices",
       [](const Tensors& x) -> Tensors {
         const MaxPoolResult result = max_pool2d_with_indices(x[0], 2, {.stride = 1});
         return {result.values, result.indices};
       },
       {apart({1, 2, 3, 3})}},
      {"avg_pool1d", [](const Tensors& x) { return avg_pool1d(x[0], 2); }, {normal({2, 2, 5})}},
      {"avg_pool1d/padding",
       [](const Tensors& x) { return avg_pool1d(x[0], 3, {.stride = 2, .padding = 1, .count_include_pad = false}); },
       {normal({2, 5})}},
      {"avg_pool2d", [](const Tensors& x) { return tiled_mean(x[0]); }, {normal({2, 2, 4, 5})}},
      {"avg_pool2d/overlapping", [](const Tensors& x) { return overlapping_mean(x[0]); }, {normal({2, 4, 3})}},
      {"avg_pool2d/ceil_mode",
       [](const Tensors& x) { return avg_pool2d(x[0], 2, {.stride = 3, .padding = 1, .ceil_mode = true}); },
       {normal({1, 2, 3, 5})}},
      {"avg_pool2d/gradient", gradient_of(overlapping_mean), {constant(normal({2, 4, 3})), normal({2, 2, 4})}},
      {"avg_pool2d/gradient_of_tiles", gradient_of(tiled_mean), {constant(normal({2, 3, 5})), normal({2, 1, 2})}},
      {"adaptive_avg_pool1d", [](const Tensors& x) { return adaptive_avg_pool1d(x[0], 3); }, {normal({2, 2, 5})}},
      {"adaptive_avg_pool2d",
       [](const Tensors& x) {
         return adaptive_avg_pool2d(x[0], {2, 3});
       },
       {normal({2, 3, 4})}},
  };
}

}  // namespace table
