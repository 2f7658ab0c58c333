#include "op_table.hpp"

#include <iterator>

namespace table {
namespace {

using namespace ravel;

// `count` values with distances >= 0.05, shuffled: 0.1 i + 0.06 around zero keeps clear of multiples of 0.5 by 0.04.
std::vector<double> apart_values(std::int64_t count, const RandomKey& key) {
  std::vector<double> values;
  for (const std::int64_t i : randperm(count, key).to_vector<std::int64_t>()) {
    values.push_back(0.1 * static_cast<double>(i - count / 2) + 0.06);
  }
  return values;
}

std::vector<double> floating_values(const Input& input, const RandomKey& key) {
  if (input.kind == Input::Kind::apart) return apart_values(input.shape.numel(), key);
  if (input.kind == Input::Kind::normal) return randn(input.shape, f64, key).to_vector<double>();
  std::vector<double> values = ravel::rand(input.shape, f64, key).to_vector<double>();
  for (double& value : values) value = input.kind == Input::Kind::unit ? 0.1 + 0.8 * value : 0.2 + 2 * value;
  return values;
}

Tensor make_input(const Input& input, Dtype dtype, const RandomKey& key) {
  if (input.kind == Input::Kind::integers) return randint(input.low, input.high, input.shape, key);
  if (input.kind == Input::Kind::mask) return bernoulli(full(input.shape, 0.5), key);
  const std::vector<double> values = floating_values(input, key);
  // The values are exact in f32, so that both types start from the same numbers.
  const std::vector<float> rounded(values.begin(), values.end());
  Tensor x = dtype == f32 ? from_vector(rounded, input.shape)
                          : from_vector(std::vector<double>(rounded.begin(), rounded.end()), input.shape);
  return input.constant ? x : std::move(x).requires_grad_();
}

}  // namespace

Tensors make_inputs(const Row& row, Dtype dtype) {
  Tensors inputs;
  for (const Input& input : row.inputs)
    inputs.push_back(make_input(input, dtype, random_key(7, row.name, inputs.size())));
  return inputs;
}

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all;
    for (const auto& family :
         {activation_rows, arithmetic_rows, comparison_rows, conv_rows, indexing_rows, loss_rows, matmul_rows,
          pointwise_rows, pooling_rows, reduction_rows, shape_rows, slicing_rows, softmax_rows}) {
      std::vector<Row> more = family();
      std::move(more.begin(), more.end(), std::back_inserter(all));
    }
    return all;
  }();
  return rows;
}

}  // namespace table
