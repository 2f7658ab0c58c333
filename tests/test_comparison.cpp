// Masks, where, maximum, minimum and clamp: values, gradients at ties and bounds, errors.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

constexpr float infinity = std::numeric_limits<float>::infinity(),
                not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("comparison: tensors, numbers and both orders", "[comparison]") {
  const Tensor x = tensor({1.0, 2.0, 3.0}), y = tensor({3.0, 2.0, 1.0});
  CHECK(equal(x < y, tensor({true, false, false})));
  CHECK(equal(x <= y, tensor({true, true, false})));
  CHECK(equal(x > y, tensor({false, false, true})));
  CHECK(equal(x >= y, tensor({false, true, true})));
  CHECK(equal((x == y), tensor({false, true, false})));
  CHECK(equal((x != y), tensor({true, false, true})));
  CHECK(equal((x == 2), tensor({false, true, false})));
  CHECK(equal((2 == x), tensor({false, true, false})));
  CHECK(equal((2 != x), tensor({true, false, true})));
  CHECK(equal(2 < x, tensor({false, false, true})));
  CHECK(equal(2 <= x, tensor({false, true, true})));
  CHECK(equal(2 > x, tensor({true, false, false})));
  CHECK(equal(2 >= x, tensor({true, true, false})));
}

TEST_CASE("comparison: NaN, infinities, signed zeros", "[comparison]") {
  const Tensor x = from_vector(std::vector<float>{not_a_number, infinity, -infinity, -0.0F});
  CHECK(equal((x == x), tensor({false, true, true, true})));
  CHECK(equal((x != x), tensor({true, false, false, false})));
  CHECK(equal((x == 0), tensor({false, false, false, true})));
  CHECK(equal(x < infinity, tensor({false, false, true, true})));
  CHECK(equal(isnan(x), tensor({true, false, false, false})));
  CHECK(equal(isfinite(x), tensor({false, false, false, true})));
  CHECK(equal(isfinite(arange(2)), tensor({true, true})));
}

TEST_CASE("comparison: integers beside fractions, masks beside masks", "[comparison]") {
  CHECK(equal(arange(3) < 0.5, tensor({true, false, false})));
  CHECK(equal((tensor({true, false}) == tensor({true, true})), tensor({true, false})));
  CHECK(equal((tensor({{1, 2}, {3, 4}}) == tensor({1, 4})), tensor({{true, false}, {false, true}})));
  CHECK((tensor({1.0}) < 2).requires_grad() == false);
}

TEST_CASE("comparison: errors name the op, the types and the shapes", "[comparison]") {
  CHECK(error_of([] { lt(zeros(3), arange(3)); }) == "lt: the inputs are f32 and i64; use cast(x, f32)");
  CHECK(error_of([] { eq(zeros(3), zeros(4)); }) == "eq: shapes (3,) and (4,) do not broadcast");
  CHECK(error_of([] { logical_and(zeros(3), zeros(3)); }) == "logical_and: needs a mask, got f32; use x != 0");
  CHECK(error_of([] { logical_not(arange(3)); }) == "logical_not: needs a mask, got i64; use x != 0");
  CHECK(error_of([] { where(arange(3), zeros(3), zeros(3)); }) == "where: needs a mask, got i64; use x != 0");
  CHECK(error_of([] { clamp(zeros(3), ClampOptions{}); }) ==
        "clamp: neither min nor max is given; give one, as in clamp(x, {.min = 0})");
}

TEST_CASE("logical ops", "[comparison]") {
  const Tensor a = tensor({true, true, false, false}), b = tensor({true, false, true, false});
  CHECK(equal(logical_and(a, b), tensor({true, false, false, false})));
  CHECK(equal(logical_or(a, b), tensor({true, true, true, false})));
  CHECK(equal(logical_not(a), tensor({false, false, true, true})));
}

TEST_CASE("where: chooses without letting NaN through", "[comparison]") {
  const Tensor x = from_vector(std::vector<float>{not_a_number, 1}).requires_grad_(), y = where(isnan(x), 0, x);
  CHECK(equal(y.detach(), tensor({0.0, 1.0})));
  CHECK(equal(grad(sum(y), {x})[0], tensor({0.0, 1.0})));
  CHECK(equal(where(tensor({true, false}), tensor({1, 2}), tensor({3, 4})), tensor({1, 4})));
  CHECK(equal(where(tensor({{true}, {false}}), tensor({1, 2}), 7), tensor({{1, 2}, {7, 7}})));
}

TEST_CASE("maximum and minimum: ties share the gradient, NaN wins", "[comparison]") {
  const Tensor a = from_vector(std::vector<float>{1, 2, 2, not_a_number, 1}).requires_grad_();
  const Tensor b = from_vector(std::vector<float>{1, 1, 3, 1, not_a_number}).requires_grad_();
  const std::vector<Tensor> of_maximum = grad(sum(maximum(a, b)), {a, b}),
                            of_minimum = grad(sum(minimum(a, b)), {a, b});
  CHECK(equal(of_maximum[0], tensor({0.5, 1.0, 0.0, 1.0, 1.0})));
  CHECK(equal(of_maximum[1], tensor({0.5, 0.0, 1.0, 1.0, 1.0})));
  CHECK(equal(of_minimum[0], tensor({0.5, 0.0, 1.0, 1.0, 1.0})));
  CHECK(equal(of_minimum[1], tensor({0.5, 1.0, 0.0, 1.0, 1.0})));
  const std::vector<float> largest = maximum(a, b).to_vector<float>(), smallest = minimum(a, b).to_vector<float>();
  CHECK(largest[2] == 3);
  CHECK(smallest[2] == 2);
  for (const std::size_t i : {3, 4}) CHECK((std::isnan(largest[i]) && std::isnan(smallest[i])));
  CHECK(equal(maximum(tensor({1, 5}), tensor({4, 2})), tensor({4, 5})));
}

TEST_CASE("clamp: the gradient passes at the bounds", "[comparison]") {
  const Tensor x = from_vector(std::vector<float>{0, 1, -1, 2, not_a_number, 0.5F}).requires_grad_();
  CHECK(equal(grad(sum(clamp(x, 0, 1)), {x})[0], tensor({1.0, 1.0, 0.0, 0.0, 0.0, 1.0})));
  const Tensor y = tensor({-2.0, 0.5, 3.0});
  CHECK(equal(clamp(y, {.min = 0}), tensor({0.0, 0.5, 3.0})));
  CHECK(equal(clamp(y, {.max = 1}), tensor({-2.0, 0.5, 1.0})));
  CHECK(equal(clamp(y, 2, 1), tensor({1.0, 1.0, 1.0})));
  CHECK(equal(clamp(tensor({-2, 5}), {.min = 0, .max = 3}), tensor({0, 3})));
  CHECK(std::isnan(clamp(x, 0, 1).to_vector<float>()[4]));
  CHECK(equal(clamp(from_vector(std::vector<float>{infinity, -infinity}), {.min = 0}),
              from_vector(std::vector<float>{infinity, 0})));
}
