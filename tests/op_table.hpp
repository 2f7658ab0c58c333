// The op table: one row for each op, swept by the properties in test_op_table.cpp.
#pragma once

#include <string>
#include <vector>

#include "ravel/autograd/gradcheck.hpp"
#include "ravel/ravel.hpp"

namespace table {

using ravel::Dtype;
using ravel::Shape;
using ravel::Tensor;
using Tensors = std::vector<Tensor>;

// A description of an input; the tensor is made from it for each property anew. Floating inputs get a gradient.
struct Input {
  enum class Kind { normal, positive, unit, apart, integers, mask };
  Kind kind = Kind::normal;
  Shape shape;
  std::int64_t low = 0, high = 0;  // of integers: [low, high)
  bool constant = false;           // needs no gradient although it is floating
};

// Normal values.
inline Input normal(const Shape& shape) { return {.shape = shape}; }
// Values in (0.2, 2.2): for logarithms, roots and divisors.
inline Input positive(const Shape& shape) { return {.kind = Input::Kind::positive, .shape = shape}; }
// Values in (0.1, 0.9): probabilities.
inline Input unit(const Shape& shape) { return {.kind = Input::Kind::unit, .shape = shape}; }
// Values of both signs that are at least 0.05 away from each other and from multiples of 0.5: for functions with kinks,
// and for those that order elements.
inline Input apart(const Shape& shape) { return {.kind = Input::Kind::apart, .shape = shape}; }
inline Input integers(std::int64_t low, std::int64_t high, const Shape& shape) {
  return {.kind = Input::Kind::integers, .shape = shape, .low = low, .high = high};
}
inline Input mask(const Shape& shape) { return {.kind = Input::Kind::mask, .shape = shape}; }
// The same input without a gradient.
inline Input constant(Input input) {
  input.constant = true;
  return input;
}

// What is special about a row.
struct Traits {
  bool elementwise = false;     // the shapes may be replaced: also run with (), (0, 3), (1,), and sizes beyond a block
  bool zero_gradient = false;   // the gradient is zero everywhere by nature
  bool no_gradient = false;     // the results are integers or masks
  double f32_tolerance = 1e-5;  // |f32 - f64| <= this * max(1, |f64|)
};

struct Row {
  // The op's name in its header, and after a slash what is special about this row: "sum/keepdim".
  std::string name;
  ravel::CheckedFunction f;
  std::vector<Input> inputs;
  Traits traits = {};
};

// The inputs of a row in the given floating type, the same numbers for each type, as leaves.
Tensors make_inputs(const Row& row, Dtype dtype);

// The rows, by family. Each is defined in rows_<family>.cpp.
std::vector<Row> arithmetic_rows();
std::vector<Row> activation_rows();
std::vector<Row> comparison_rows();
std::vector<Row> pointwise_rows();
std::vector<Row> conv_rows();
std::vector<Row> matmul_rows();
std::vector<Row> pooling_rows();
std::vector<Row> reduction_rows();
std::vector<Row> shape_rows();
std::vector<Row> indexing_rows();
std::vector<Row> loss_rows();
std::vector<Row> slicing_rows();
std::vector<Row> softmax_rows();
// All of them.
const std::vector<Row>& all_rows();

}  // namespace table
