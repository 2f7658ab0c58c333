#include "op_table.hpp"

namespace table {

using namespace ravel;

namespace {

Row conv1d_row(const char* name, const std::vector<Input>& inputs, const Conv1dOptions& options) {
  return {name, [options](const Tensors& x) { return conv1d(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          inputs};
}

Row conv2d_row(const char* name, const std::vector<Input>& inputs, const Conv2dOptions& options) {
  return {name, [options](const Tensors& x) { return conv2d(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          inputs};
}

Row transpose2d_row(const char* name, const std::vector<Input>& inputs, const ConvTranspose2dOptions& options) {
  return {name,
          [options](const Tensors& x) { return conv_transpose2d(x[0], x[1], x.size() > 2 ? x[2] : Tensor(), options); },
          inputs};
}

}  // namespace

std::vector<Row> conv_rows() {
  return {
      conv1d_row("conv1d", {normal({2, 2, 5}), normal({3, 2, 2}), normal({3})}, {}),
      conv1d_row("conv1d/unbatched", {normal({2, 4}), normal({1, 2, 3}), normal({1})}, {.padding = 1}),
      conv1d_row("conv1d/stride_padding_dilation", {normal({1, 1, 6}), normal({2, 1, 2})},
                 {.stride = 2, .padding = 2, .dilation = 3}),
      conv1d_row("conv1d/groups", {normal({1, 2, 4}), normal({4, 1, 2}), normal({4})}, {.groups = 2}),
      {"conv1d_relu",
       [](const Tensors& x) { return conv1d_relu(x[0], x[1], x[2], {.padding = 1}); },
       {normal({2, 2, 3}), normal({2, 2, 2}), normal({2})}},
      conv2d_row("conv2d", {normal({2, 2, 3, 3}), normal({2, 2, 2, 2}), normal({2})}, {}),
      conv2d_row("conv2d/unbatched", {normal({2, 3, 3}), normal({1, 2, 2, 2}), normal({1})}, {}),
      conv2d_row("conv2d/padding", {normal({1, 1, 2, 3}), normal({2, 1, 3, 2}), normal({2})}, {.padding = {2, 1}}),
      conv2d_row("conv2d/stride", {normal({1, 2, 4, 5}), normal({1, 2, 2, 3})}, {.stride = {2, 3}, .padding = 1}),
      conv2d_row("conv2d/dilation", {normal({1, 1, 4, 5}), normal({2, 1, 2, 2})}, {.dilation = {2, 3}}),
      conv2d_row("conv2d/groups", {normal({1, 4, 2, 3}), normal({2, 2, 2, 2}), normal({2})}, {.groups = 2}),
      conv2d_row("conv2d/depthwise", {normal({1, 2, 3, 3}), normal({4, 1, 2, 2}), normal({4})},
                 {.stride = 2, .padding = 1, .groups = 2}),
      conv2d_row("conv2d/1x1", {normal({2, 3, 2, 2}), normal({2, 3, 1, 1}), normal({2})}, {}),
      {"conv2d_relu",
       [](const Tensors& x) { return conv2d_relu(x[0], x[1], x[2], {.stride = 2, .padding = 1}); },
       {normal({2, 2, 3, 3}), normal({2, 2, 2, 2}), normal({2})}},
      {"conv2d_input_gradient",
       [](const Tensors& x) {
         return conv2d_input_gradient(x[0], x[1], {1, 2, 4, 3}, {.stride = 2, .padding = 1});
       },
       {normal({1, 2, 3, 2}), normal({2, 2, 2, 2})}},
      {"conv2d_weight_gradient",
       [](const Tensors& x) {
         return conv2d_weight_gradient(x[0], x[1], {2, 1, 2, 2}, {.padding = 1, .dilation = {1, 2}, .groups = 2});
       },
       {normal({2, 2, 2, 3}), normal({2, 2, 3, 3})}},
      {"conv_transpose1d",
       [](const Tensors& x) {
         return conv_transpose1d(x[0], x[1], x[2], {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2});
       },
       {normal({1, 2, 3}), normal({2, 2, 2}), normal({2})}},
      transpose2d_row("conv_transpose2d", {normal({1, 2, 2, 2}), normal({2, 1, 2, 3}), normal({1})}, {}),
      transpose2d_row("conv_transpose2d/unbatched", {normal({1, 2, 2}), normal({1, 2, 2, 2})}, {.stride = 2}),
      transpose2d_row("conv_transpose2d/groups", {normal({1, 2, 2, 3}), normal({2, 2, 2, 2}), normal({4})},
                      {.stride = {2, 1}, .padding = 1, .output_padding = {1, 0}, .groups = 2}),
      transpose2d_row("conv_transpose2d/output_padding_of_dilation", {normal({1, 1, 2, 2}), normal({1, 2, 2, 2})},
                      {.output_padding = 1, .dilation = 2}),
  };
}

}  // namespace table
